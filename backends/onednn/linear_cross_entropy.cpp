// linear_cross_entropy and its gradient in one sweep over blocks of rows of x. A block's logits lie
// transposed, [V, rows], in the workspace: so w and they are read as they are stored by the
// products for the logits and dw, and only the short side is ever packed. With e = exp(logit - max)
// in their place and f = dloss / Σ e, the gradient of the logits is f · e, less dloss at the
// target; f is put into the rows of x before dw and into those of dx after it, so e is written
// once.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "backends/onednn/head_rows.h"
#include "backends/onednn/kernel.h"
#include "backends/onednn/product.h"
#include "backends/runtime/tensor.h"
#include "ir/check.h"
#include "ir/op_def.h"

namespace gptc::onednn {
namespace {

using ir::DType;

constexpr std::int64_t most_rows = 512;    // of a block; the logits of one are V x most_rows
constexpr std::int64_t item_tokens = 256;  // rows v of the logits that a thread takes at a time
constexpr std::int64_t float_bytes = sizeof(float);

constexpr std::int64_t aligned(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }

/// x [rows, channels], w [vocabulary, channels]; rows cut into as few blocks as most_rows allows,
/// which differ by one row at most.
struct HeadSizes {
  DType dtype = DType::f32;
  std::int64_t rows = 0;
  std::int64_t channels = 0;
  std::int64_t vocabulary = 0;

  std::int64_t blocks() const {
    return std::max<std::int64_t>(1, (rows + most_rows - 1) / most_rows);
  }
  std::int64_t begin(std::int64_t block) const {
    return block * (rows / blocks()) + std::min(block, rows % blocks());
  }
  std::int64_t count(std::int64_t block) const { return begin(block + 1) - begin(block); }
  /// Floats from the logits of one token to the next: whole cache lines.
  std::int64_t pitch() const { return (count(0) + 15) / 16 * 16; }
  std::int64_t items() const { return (vocabulary + item_tokens - 1) / item_tokens; }
  std::int64_t row_bytes() const { return channels * ir::dtype_bytes(dtype); }
};

HeadSizes sizes_of(const ir::Graph& graph, const ir::Node& node) {
  const ir::Type& x = graph.type(node.operands[0]);
  const ir::Shape& w = graph.type(node.operands[1]).shape;
  return {
      .dtype = x.dtype, .rows = x.shape.rows(), .channels = w[1].size(), .vocabulary = w[0].size()};
}

/// The three products of a block of `rows` rows. The exponentials have the dtype of x and the bytes
/// of the logits.
struct BlockProducts {
  MatrixLayout x;
  MatrixLayout w;
  MatrixLayout logits;
  MatrixLayout exps;
  MatrixLayout dx;  // f32: it is summed in parts
  MatrixLayout dw;

  BlockProducts(const HeadSizes& sizes, std::int64_t rows)
      : x(MatrixLayout::plain(sizes.dtype, 1, rows, sizes.channels)),
        w(MatrixLayout::plain(sizes.dtype, 1, sizes.vocabulary, sizes.channels)),
        logits(MatrixLayout::plain(DType::f32, 1, sizes.vocabulary, rows)),
        exps(MatrixLayout::plain(sizes.dtype, 1, sizes.vocabulary, rows)),
        dx(MatrixLayout::plain(DType::f32, 1, rows, sizes.channels)),
        dw(MatrixLayout::plain(DType::f32, 1, sizes.vocabulary, sizes.channels)) {
    logits.row_stride = sizes.pitch();
    exps.row_stride = sizes.pitch() * float_bytes / ir::dtype_bytes(sizes.dtype);
  }

  MatmulSpec scores() const {
    return {.a = w,
            .b = x.transposed(),
            .c = logits,
            .post_ops = {},
            .repack_b = w.dtype == DType::f32};
  }
  MatmulSpec sum_dx() const { return {.a = exps.transposed(), .b = w, .c = dx, .post_ops = {}}; }
  MatmulSpec sum_dw(bool first) const {
    std::vector<PostStep> post_ops;
    if (!first) post_ops.push_back({PostOp::accumulate});
    return {.a = exps, .b = x, .c = dw, .post_ops = std::move(post_ops)};
  }
};

/// Where the parts of the workspace begin: the logits of a block [V, pitch]; max or sum of each
/// item and column; numbers of each column; x times f; dx in f32 where the result is not; the
/// products' scratchpad.
struct Workspace {
  std::int64_t partials = 0;
  std::int64_t columns = 0;
  std::int64_t scaled_x = 0;
  std::int64_t dx = 0;
  std::int64_t losses = 0;
  std::int64_t scratchpad = 0;
  std::int64_t library = 0;  // bytes of the scratchpad that are oneDNN's
  std::int64_t bytes = 0;
};
constexpr std::int64_t column_arrays = 3;  // max, sum, the target's logit

Workspace workspace_of(const HeadSizes& sizes, bool with_gradient, int threads) {
  std::int64_t scratchpad = 0;
  std::int64_t library = 0;
  const auto need = [&](const MatmulSpec& spec) {
    const Product product(spec);
    scratchpad = std::max(scratchpad, product.scratchpad_bytes(threads));
    library = std::max(library, product.library_bytes());
  };
  const std::int64_t last = sizes.blocks() - 1;
  for (const std::int64_t block : {std::int64_t{0}, last}) {
    const BlockProducts products(sizes, sizes.count(block));
    need(products.scores());
    if (!with_gradient) continue;
    need(products.sum_dx());
    need(products.sum_dw(true));
    need(products.sum_dw(false));
  }
  const std::int64_t rows = with_gradient ? sizes.count(0) : 0;
  Workspace at;
  at.partials = aligned(sizes.vocabulary * sizes.pitch() * float_bytes);
  at.columns = at.partials + aligned(sizes.items() * sizes.pitch() * float_bytes);
  at.scaled_x = at.columns + aligned(column_arrays * sizes.pitch() * float_bytes);
  at.dx = at.scaled_x + aligned(rows * sizes.row_bytes());
  at.losses = at.dx + aligned(sizes.dtype == DType::f32 ? 0 : rows * sizes.channels * float_bytes);
  at.scratchpad = at.losses + aligned(sizes.rows * float_bytes);
  at.library = library;
  at.bytes = at.scratchpad + scratchpad;
  return at;
}

/// The kernel of both ops.
class HeadKernel final : public Kernel {
 public:
  HeadKernel(const ir::Graph& graph, const ir::Node& node, const KernelArgs& args)
      : sizes_(sizes_of(graph, node)),
        op_(ir::op_def(node).name),
        args_(args),
        at_(workspace_of(sizes_, args.operands.size() > 3, args.threads)) {
    for (std::int64_t block = 0; block < sizes_.blocks(); ++block) add_block(block);
  }

  void execute() override {
    check_targets();
    for (std::int64_t block = 0; block < sizes_.blocks(); ++block) {
      blocks_[index(block)].scores->execute();
      exponentiate(block);
      if (differentiates()) add_gradients(block);
    }
    double sum = 0;
    for (std::int64_t row = 0; row < sizes_.rows; ++row)
      sum += static_cast<double>(floats(at_.losses)[row]);
    if (args_.results[0] != nullptr)
      *reinterpret_cast<float*>(args_.results[0]) = static_cast<float>(sum);
  }

 private:
  struct Block {
    std::unique_ptr<Kernel> scores;
    std::unique_ptr<Kernel> dx;  // null: not wanted
    std::unique_ptr<Kernel> dw;
  };

  static std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }
  bool differentiates() const { return args_.operands.size() > 3; }
  bool wants(std::size_t result) const { return args_.results[result] != nullptr; }
  float* floats(std::int64_t offset) const {
    return reinterpret_cast<float*>(args_.workspace + offset);
  }
  float* column_max_of() const { return floats(at_.columns); }
  float* column_sum_of() const { return floats(at_.columns) + sizes_.pitch(); }
  float* target_logit_of() const { return floats(at_.columns) + 2 * sizes_.pitch(); }
  const std::int32_t* targets() const {
    return reinterpret_cast<const std::int32_t*>(args_.operands[2]);
  }
  /// Where the sum of a block's dx goes before f scales it.
  std::byte* dx_sum(std::int64_t block) const {
    if (sizes_.dtype != DType::f32) return args_.workspace + at_.dx;
    return args_.results[1] + sizes_.begin(block) * sizes_.row_bytes();
  }

  void add_block(std::int64_t block) {
    const BlockProducts products(sizes_, sizes_.count(block));
    const std::byte* x = args_.operands[0] + sizes_.begin(block) * sizes_.row_bytes();
    const std::byte* w = args_.operands[1];
    const auto bound = [&](const MatmulSpec& spec, const std::byte* a, const std::byte* b,
                           std::byte* c) {
      return Product(spec).bind(
          {.a = a, .b = b, .c = c, .operands = {}, .scratchpad = args_.workspace + at_.scratchpad},
          args_.threads);
    };
    Block calls{.scores = bound(products.scores(), w, x, args_.workspace)};
    if (differentiates() && wants(1))
      calls.dx = bound(products.sum_dx(), args_.workspace, w, dx_sum(block));
    if (differentiates() && wants(2)) {
      calls.dw = bound(products.sum_dw(block == 0), args_.workspace, args_.workspace + at_.scaled_x,
                       args_.results[2]);
    }
    blocks_.push_back(std::move(calls));
  }

  void check_targets() const {
    for (std::int64_t row = 0; row < sizes_.rows; ++row) {
      if (targets()[row] < sizes_.vocabulary) continue;
      ir::user_error("{}: a target must be below {}, but got {} at position {}", op_,
                     sizes_.vocabulary, targets()[row], row);
    }
  }

  LogitBlock item_of(std::int64_t item, std::int64_t columns) const {
    const std::int64_t first = item * item_tokens;
    return {.logits = floats(0) + first * sizes_.pitch(),
            .count = std::min(item_tokens, sizes_.vocabulary - first),
            .columns = columns,
            .pitch = sizes_.pitch()};
  }

  /// Runs `part(item, partial)` for all items, then joins the partials in order.
  template <class Part, class Join>
  void over_items(std::int64_t columns, float* total, const Part& part, const Join& join) const {
    const std::int64_t items = sizes_.items();
#pragma omp parallel for num_threads(args_.threads) schedule(dynamic)
    for (std::int64_t item = 0; item < items; ++item)
      part(item_of(item, columns), floats(at_.partials) + item * sizes_.pitch());
    std::copy_n(floats(at_.partials), columns, total);
    for (std::int64_t item = 1; item < items; ++item) {
      const float* partial = floats(at_.partials) + item * sizes_.pitch();
      for (std::int64_t c = 0; c < columns; ++c) total[c] = join(total[c], partial[c]);
    }
  }

  /// The block's losses; its logits become exponentials where the gradient needs them.
  void exponentiate(std::int64_t block) const {
    const std::int64_t count = sizes_.count(block);
    const std::int32_t* target = targets() + sizes_.begin(block);
    const Keep keep = !differentiates()             ? Keep::nothing
                      : sizes_.dtype == DType::bf16 ? Keep::bf16
                                                    : Keep::f32;
    float* max = column_max_of();
    float* sum = column_sum_of();
    over_items(
        count, max, [](const LogitBlock& part, float* out) { column_max(part, out); },
        [](float a, float b) { return a > b || std::isnan(a) ? a : b; });
    for (std::int64_t c = 0; c < count; ++c) {
      if (target[c] >= 0) target_logit_of()[c] = floats(0)[target[c] * sizes_.pitch() + c];
    }
    over_items(
        count, sum, [&](const LogitBlock& part, float* out) { column_exp(part, max, out, keep); },
        [](float a, float b) { return a + b; });
    for (std::int64_t c = 0; c < count; ++c) {
      floats(at_.losses)[sizes_.begin(block) + c] =
          target[c] < 0 ? 0.F : std::log(sum[c]) + max[c] - target_logit_of()[c];
    }
  }

  /// dloss / Σ e, 0 for a row that does not count.
  float factor(std::int64_t block, std::int64_t column) const {
    if (targets()[sizes_.begin(block) + column] < 0) return 0.F;
    return *reinterpret_cast<const float*>(args_.operands[3]) / column_sum_of()[column];
  }

  /// The one-hot part: Σ e off the exponential at each row's target.
  void subtract_targets(std::int64_t block) const {
    const std::int32_t* target = targets() + sizes_.begin(block);
    for (std::int64_t c = 0; c < sizes_.count(block); ++c) {
      if (target[c] < 0) continue;
      float* row = floats(0) + target[c] * sizes_.pitch();
      if (sizes_.dtype == DType::f32) {
        row[c] -= column_sum_of()[c];
      } else {
        auto& bits = reinterpret_cast<std::uint16_t*>(row)[c];
        bits = runtime::f32_to_bf16(runtime::bf16_to_f32(bits) - column_sum_of()[c]);
      }
    }
  }

  void add_gradients(std::int64_t block) const {
    subtract_targets(block);
    const std::int64_t count = sizes_.count(block);
    const Block& calls = blocks_[index(block)];
    const std::byte* x = args_.operands[0] + sizes_.begin(block) * sizes_.row_bytes();
    std::byte* scaled = args_.workspace + at_.scaled_x;
    if (calls.dx) calls.dx->execute();
#pragma omp parallel for num_threads(args_.threads) schedule(static)
    for (std::int64_t c = 0; c < count; ++c) {
      const float f = factor(block, c);
      const std::int64_t offset = c * sizes_.row_bytes();
      scale_row(x + offset, sizes_.dtype, f, scaled + offset, sizes_.dtype, sizes_.channels);
      if (!wants(1)) continue;
      scale_row(dx_sum(block) + c * sizes_.channels * float_bytes, DType::f32, f,
                args_.results[1] + sizes_.begin(block) * sizes_.row_bytes() + offset, sizes_.dtype,
                sizes_.channels);
    }
    if (calls.dw) calls.dw->execute();
  }

  HeadSizes sizes_;
  std::string_view op_;
  KernelArgs args_;
  Workspace at_;
  std::vector<Block> blocks_;
};

bool supports(const ir::Graph& graph, const ir::Node& node) {
  const DType dtype = graph.type(node.operands[0]).dtype;
  return dtype == DType::f32 || dtype == DType::bf16;
}

Workspace workspace_of(const ir::Graph& graph, const ir::Node& node, int threads) {
  return workspace_of(sizes_of(graph, node), node.kind == ir::OpKind::linear_cross_entropy_grad,
                      threads);
}

std::int64_t workspace(const ir::Graph& graph, const ir::Node& node, int threads) {
  return workspace_of(graph, node, threads).bytes;
}

std::int64_t library(const ir::Graph& graph, const ir::Node& node) {
  return workspace_of(graph, node, 1).library;
}

std::int64_t allocated(const ir::Graph& graph, const ir::Node& node, int threads) {
  const HeadSizes sizes = sizes_of(graph, node);
  const BlockProducts products(sizes, sizes.count(0));
  const std::int64_t scores = Product::allocated_bytes(products.scores(), threads);
  if (node.kind != ir::OpKind::linear_cross_entropy_grad) return scores;
  return std::max({scores, Product::allocated_bytes(products.sum_dx(), threads),
                   Product::allocated_bytes(products.sum_dw(false), threads)});
}

std::unique_ptr<Kernel> create(const ir::Graph& graph, const ir::Node& node,
                               const KernelArgs& args) {
  return std::make_unique<HeadKernel>(graph, node, args);
}

}  // namespace

KernelRow kernel_linear_cross_entropy() {
  return {.supports = supports,
          .workspace = workspace,
          .create = create,
          .library = library,
          .allocated = allocated};
}
KernelRow kernel_linear_cross_entropy_grad() { return kernel_linear_cross_entropy(); }

}  // namespace gptc::onednn

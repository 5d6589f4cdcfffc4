// linear_cross_entropy and its gradient in one sweep over blocks of rows of x: the block's logits
// x wᵀ go to the workspace, become the gradient of the logits in place, and are used up by the
// block's dx and its part of dw. The logits never exist whole.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/linear_cross_entropy.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "backends/onednn/simd-inl.h"
#include "backends/onednn/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// -log softmax at `target`; the logits stay.
float target_loss(const float* logits, std::int64_t size, std::int64_t target) {
  const F32 d;
  const float max = max_row(logits, size);
  const float sum = sum_of(size, [&](std::int64_t i, auto access) HWY_ATTR {
    return access.keep(d, exp_of(d, hn::Sub(access.load(d, logits + i), hn::Set(d, max))));
  });
  return std::log(sum) + max - logits[target];
}

/// The same; the logits become scale · (softmax - onehot).
float target_loss_grad(float* logits, std::int64_t size, std::int64_t target, float scale) {
  const F32 d;
  const float max = max_row(logits, size);
  const float target_logit = logits[target];
  const float sum = sum_of(size, [&](std::int64_t i, auto access) HWY_ATTR {
    const auto e = access.keep(d, exp_of(d, hn::Sub(access.load(d, logits + i), hn::Set(d, max))));
    access.store(d, e, logits + i);
    return e;
  });
  const float factor = scale / sum;
  sweep(size, [&](std::int64_t i, auto access) HWY_ATTR {
    access.store(d, hn::Mul(access.load(d, logits + i), hn::Set(d, factor)), logits + i);
  });
  logits[target] -= scale;
  return std::log(sum) + max - target_logit;
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <cstring>
#include <vector>

#include "backends/onednn/dnnl_compat.h"
#include "backends/onednn/kernel.h"
#include "ir/check.h"
#include "ir/op_def.h"

namespace gptc::onednn {
namespace {

HWY_EXPORT(target_loss);
HWY_EXPORT(target_loss_grad);

/// Smaller blocks would starve the matmuls; a block's logits are block_rows x V floats.
constexpr std::int64_t block_rows = 256;

/// x [rows, channels], w [vocabulary, channels]; rows cut into blocks that differ by one row at
/// most and have at least block_rows, if there are so many.
struct HeadSizes {
  std::int64_t rows = 0;
  std::int64_t channels = 0;
  std::int64_t vocabulary = 0;

  std::int64_t blocks() const { return std::max<std::int64_t>(1, rows / block_rows); }
  std::int64_t begin(std::int64_t block) const {
    return block * (rows / blocks()) + std::min(block, rows % blocks());
  }
  std::int64_t count(std::int64_t block) const { return begin(block + 1) - begin(block); }
  /// Floats from one row of logits to the next: whole cache lines, and no multiple of 4 KiB, which
  /// would map all rows to the same sets.
  std::int64_t pitch() const {
    const std::int64_t padded = (vocabulary + 15) / 16 * 16;
    return padded % 1024 == 0 ? padded + 16 : padded;
  }
};

HeadSizes sizes_of(const ir::Graph& graph, const ir::Node& node) {
  const ir::Shape& x = graph.type(node.operands[0]).shape;
  const ir::Shape& w = graph.type(node.operands[1]).shape;
  return {.rows = x.rows(), .channels = w[1].size(), .vocabulary = w[0].size()};
}

/// The three products of a block of `rows` rows.
struct BlockProducts {
  MatrixLayout x;
  MatrixLayout w;
  MatrixLayout logits;

  BlockProducts(const HeadSizes& sizes, std::int64_t rows)
      : x(MatrixLayout::plain(ir::DType::f32, 1, rows, sizes.channels)),
        w(MatrixLayout::plain(ir::DType::f32, 1, sizes.vocabulary, sizes.channels)),
        logits(MatrixLayout::plain(ir::DType::f32, 1, rows, sizes.vocabulary)) {
    logits.row_stride = sizes.pitch();
  }

  MatmulSpec scores() const { return {x, w.transposed(), logits, {}}; }
  MatmulSpec dx() const { return {logits, w, x, {}}; }
  MatmulSpec dw(bool first) const {
    std::vector<PostOp> post_ops;
    if (!first) post_ops.push_back(PostOp::accumulate);
    return {logits.transposed(), x, w, std::move(post_ops)};
  }
};

std::int64_t aligned(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }

/// Logits of a block, a loss per row, oneDNN's scratchpad.
struct Workspace {
  std::int64_t losses = 0;
  std::int64_t scratchpad = 0;
  std::int64_t bytes = 0;
};

Workspace layout_of(const HeadSizes& sizes, bool with_gradient) {
  const std::int64_t last = sizes.blocks() - 1;
  std::int64_t scratchpad = 0;
  const auto need = [&](const MatmulSpec& spec) {
    scratchpad = std::max(scratchpad, MatmulPrimitive(spec).scratchpad_bytes());
  };
  for (const std::int64_t block : {std::int64_t{0}, last}) {
    const BlockProducts products(sizes, sizes.count(block));
    need(products.scores());
    if (!with_gradient) continue;
    need(products.dx());
    need(products.dw(block == 0));
    need(products.dw(last == 0));
  }
  Workspace workspace;
  workspace.losses =
      aligned(sizes.count(0) * sizes.pitch() * static_cast<std::int64_t>(sizeof(float)));
  workspace.scratchpad =
      workspace.losses + aligned(sizes.rows * static_cast<std::int64_t>(sizeof(float)));
  workspace.bytes = workspace.scratchpad + scratchpad;
  return workspace;
}

/// The kernel of both ops.
class HeadKernel final : public Kernel {
 public:
  HeadKernel(const ir::Graph& graph, const ir::Node& node, const KernelArgs& args)
      : sizes_(sizes_of(graph, node)),
        op_(ir::op_def(node).name),
        threads_(args.threads),
        targets_(reinterpret_cast<const std::int32_t*>(args.operands[2])),
        dloss_(args.operands.size() > 3 ? reinterpret_cast<const float*>(args.operands[3])
                                        : nullptr),
        loss_(reinterpret_cast<float*>(args.results[0])),
        logits_(reinterpret_cast<float*>(args.workspace)) {
    const Workspace workspace = layout_of(sizes_, dloss_ != nullptr);
    losses_ = reinterpret_cast<float*>(args.workspace + workspace.losses);
    for (std::int64_t block = 0; block < sizes_.blocks(); ++block)
      add_block(args, block, args.workspace + workspace.scratchpad);
  }

  void execute() override {
    check_targets();
    for (std::int64_t block = 0; block < sizes_.blocks(); ++block) {
      const Block& calls = blocks_[static_cast<std::size_t>(block)];
      calls.scores.execute();
      differentiate(sizes_.begin(block), sizes_.count(block));
      for (const MatmulCall& call : calls.gradients) call.execute();
    }
    double sum = 0;
    for (std::int64_t row = 0; row < sizes_.rows; ++row) sum += static_cast<double>(losses_[row]);
    if (loss_ != nullptr) *loss_ = static_cast<float>(sum);
  }

 private:
  struct Block {
    MatmulCall scores;
    std::vector<MatmulCall> gradients;
  };

  void add_block(const KernelArgs& args, std::int64_t block, std::byte* scratchpad) {
    const BlockProducts products(sizes_, sizes_.count(block));
    const std::int64_t offset =
        sizes_.begin(block) * sizes_.channels * static_cast<std::int64_t>(sizeof(float));
    const std::byte* x = args.operands[0] + offset;
    const std::byte* w = args.operands[1];
    std::byte* logits = args.workspace;
    const auto bind = [&](const MatmulSpec& spec, const std::byte* a, const std::byte* b,
                          std::byte* c) {
      return MatmulPrimitive(spec).bind(
          {.a = a, .b = b, .c = c, .operands = {}, .scratchpad = scratchpad});
    };
    Block calls{bind(products.scores(), x, w, logits), {}};
    if (dloss_ != nullptr && args.results[1] != nullptr)
      calls.gradients.push_back(bind(products.dx(), logits, w, args.results[1] + offset));
    if (dloss_ != nullptr && args.results[2] != nullptr)
      calls.gradients.push_back(bind(products.dw(block == 0), logits, x, args.results[2]));
    blocks_.push_back(std::move(calls));
  }

  void check_targets() const {
    for (std::int64_t row = 0; row < sizes_.rows; ++row) {
      if (targets_[row] < sizes_.vocabulary) continue;
      ir::user_error("{}: a target must be below {}, but got {} at position {}", op_,
                     sizes_.vocabulary, targets_[row], row);
    }
  }

  /// Losses of the block's rows; their logits become gradients if these are wanted.
  void differentiate(std::int64_t begin, std::int64_t count) {
#pragma omp parallel for num_threads(threads_) schedule(static)
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t target = targets_[begin + i];
      float* row = logits_ + i * sizes_.pitch();
      float& loss = losses_[begin + i];
      if (target < 0) {
        loss = 0.F;
        std::memset(row, 0, static_cast<std::size_t>(sizes_.vocabulary) * sizeof(float));
      } else if (dloss_ == nullptr) {
        loss = HWY_DYNAMIC_DISPATCH(target_loss)(row, sizes_.vocabulary, target);
      } else {
        loss = HWY_DYNAMIC_DISPATCH(target_loss_grad)(row, sizes_.vocabulary, target, *dloss_);
      }
    }
  }

  HeadSizes sizes_;
  std::string_view op_;
  int threads_;
  const std::int32_t* targets_;
  const float* dloss_;  // null: the loss alone
  float* loss_;
  float* logits_;
  float* losses_ = nullptr;
  std::vector<Block> blocks_;
};

bool supports(const ir::Graph& graph, const ir::Node& node) {
  return graph.type(node.operands[0]).dtype == ir::DType::f32;
}

std::int64_t workspace(const ir::Graph& graph, const ir::Node& node, int /*threads*/) {
  const bool with_gradient = node.kind == ir::OpKind::linear_cross_entropy_grad;
  return layout_of(sizes_of(graph, node), with_gradient).bytes;
}

std::unique_ptr<Kernel> create(const ir::Graph& graph, const ir::Node& node,
                               const KernelArgs& args) {
  return std::make_unique<HeadKernel>(graph, node, args);
}

}  // namespace

KernelRow kernel_linear_cross_entropy() {
  return {.supports = supports, .workspace = workspace, .create = create};
}
KernelRow kernel_linear_cross_entropy_grad() {
  return {.supports = supports, .workspace = workspace, .create = create};
}

}  // namespace gptc::onednn
#endif

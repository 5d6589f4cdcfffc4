// matmul with its epilogue: one Product (or, of few rows, skinny_matmul). Transposes and
// batches are strides, never copies.
#include <algorithm>

#include "backends/onednn/kernel.h"
#include "backends/onednn/product.h"
#include "backends/onednn/rows.h"
#include "backends/onednn/skinny_matmul.h"
#include "ir/check.h"

namespace gptc::onednn {
namespace {

/// The product over all axes before the last two.
std::int64_t batch_of(const ir::Shape& shape) {
  std::int64_t batch = 1;
  for (std::size_t axis = 0; axis + 2 < shape.rank(); ++axis) batch *= shape[axis].size();
  return batch;
}

/// The operand as the product sees it: [batch, rows, cols] after undoing a stored transposition.
MatrixLayout layout_of(const ir::Type& type, bool transposed) {
  const ir::Shape& shape = type.shape;
  const MatrixLayout stored = MatrixLayout::plain(
      type.dtype, batch_of(shape), shape[shape.rank() - 2].size(), shape.back().size());
  return transposed ? stored.transposed() : stored;
}

/// [batch, rows, cols] in C order as one tall matrix.
MatrixLayout flattened(const MatrixLayout& layout) {
  return MatrixLayout::plain(layout.dtype, 1, layout.batch * layout.rows, layout.cols);
}

PostOp post_op(const std::string& name) {
  if (name == "bias") return PostOp::bias_row;
  if (name == "gelu") return PostOp::gelu_tanh;
  if (name == "relu") return PostOp::relu;
  if (name == "mul") return PostOp::mul;
  if (name == "add") return PostOp::add;
  ir::internal_error("matmul: unknown epilogue '{}'", name);
}

bool takes_operand(PostOp op) {
  return op == PostOp::bias_row || op == PostOp::mul || op == PostOp::add;
}

/// Whether b is better copied into blocks first. oneDNN's packing gemm loses up to a quarter where
/// rows of b are pages apart; the copy moves as many bytes as b has, which a few hundred rows of a
/// pay for. With a stored transposed (a weight's gradient) the block kernels copy a as well, and
/// gemm is faster. The block kernels of bf16 want rows of b in pairs, which they form themselves
/// where b is transposed.
bool worth_repacking(const MatmulSpec& spec) {
  constexpr std::int64_t enough_rows = 256;
  constexpr std::int64_t far_apart = 8192;  // bytes
  const std::int64_t stride = std::max(spec.b.row_stride, spec.b.col_stride);
  const bool pairs = spec.b.dtype == ir::DType::bf16 && spec.b.col_stride == 1;
  return spec.c.batch == 1 && spec.a.col_stride == 1 && spec.c.rows >= enough_rows &&
         spec.c.cols >= 64 && spec.b.rows >= 64 &&
         (pairs || stride * ir::dtype_bytes(spec.b.dtype) >= far_apart);
}

MatmulSpec spec_of(const ir::Graph& graph, const ir::Node& node) {
  const ir::Type& b_type = graph.type(node.operands[1]);
  const bool transpose_a = node.attrs.flag("transpose_a");
  MatmulSpec spec{.a = layout_of(graph.type(node.operands[0]), transpose_a),
                  .b = layout_of(b_type, node.attrs.flag("transpose_b")),
                  .c = layout_of(node.results[0], false),
                  .post_ops = {}};
  // One matrix b for all of a batch: a tall 2-D product, which oneDNN runs best.
  if (spec.b.batch == 1 && !transpose_a) {
    spec.a = flattened(spec.a);
    spec.c = flattened(spec.c);
  }
  std::size_t operand = 2;
  for (const std::string& name : node.attrs.strings("epilogue")) {
    PostStep step{post_op(name)};
    if (takes_operand(step.op)) step.dtype = graph.type(node.operands[operand++]).dtype;
    spec.post_ops.push_back(step);
  }
  spec.repack_b = worth_repacking(spec);
  return spec;
}

/// With the add at `index` reading what the result held before.
MatmulSpec accumulating(MatmulSpec spec, std::size_t index) {
  spec.post_ops[index] = {PostOp::accumulate};
  return spec;
}

/// Rounds a product that was made in f32.
class Rounding final : public ItemKernel {
 public:
  Rounding(std::byte* sum, std::int64_t size, const KernelArgs& args)
      : ItemKernel(args.threads), sum_(sum), out_(args.results[0]), size_(size) {}

 private:
  static constexpr std::int64_t item_elements = 1 << 15;

  std::int64_t items() const override { return (size_ + item_elements - 1) / item_elements; }
  void run(std::int64_t item, std::byte* /*scratch*/) override {
    const std::int64_t first = item * item_elements;
    // Row functions know one type of pointer; this one writes 16-bit elements.
    const RowArg from{reinterpret_cast<float*>(sum_ + first * 4)};
    const RowArg to{reinterpret_cast<float*>(out_ + first * 2)};
    const std::int64_t size = std::min(item_elements, size_ - first);
    round_({.operands = &from, .results = &to, .rows = 1, .cols = size});
  }

  std::byte* sum_;
  std::byte* out_;
  std::int64_t size_;
  RowFn round_ = cast_rows(ir::DType::f32, ir::DType::bf16);
};

class MatmulKernel final : public Kernel {
 public:
  explicit MatmulKernel(std::unique_ptr<Kernel> product, std::unique_ptr<Rounding> rounding)
      : product_(std::move(product)), rounding_(std::move(rounding)) {}
  void execute() override {
    product_->execute();
    if (rounding_) rounding_->execute();
  }

 private:
  std::unique_ptr<Kernel> product_;
  std::unique_ptr<Rounding> rounding_;
};

/// A sum that must be cut is not rounded in between: it is made in f32, in the workspace.
bool rounds_behind(const MatmulSpec& spec) {
  return spec.c.dtype == ir::DType::bf16 && Product::is_long(spec);
}

/// What the primitives compute, the result's own rounding aside.
MatmulSpec product_of(const ir::Graph& graph, const ir::Node& node) {
  MatmulSpec spec = spec_of(graph, node);
  if (rounds_behind(spec)) spec.c.dtype = ir::DType::f32;
  return spec;
}

/// The most of bytes(product), as which add is in place, if any, is known only when memory has been
/// planned.
template <class Bytes>
std::int64_t most(const ir::Graph& graph, const ir::Node& node, const Bytes& bytes_of) {
  const MatmulSpec spec = product_of(graph, node);
  std::int64_t bytes = bytes_of(Product(spec));
  for (std::size_t i = 0; i < spec.post_ops.size(); ++i) {
    if (spec.post_ops[i].op == PostOp::add)
      bytes = std::max(bytes, bytes_of(Product(accumulating(spec, i))));
  }
  return bytes;
}

std::int64_t scratchpad(const ir::Graph& graph, const ir::Node& node, int threads) {
  return most(graph, node,
              [&](const Product& product) { return product.scratchpad_bytes(threads); });
}

/// Bytes of the sum that is rounded behind, at the front of the workspace.
std::int64_t sum_bytes(const ir::Graph& graph, const ir::Node& node) {
  if (!rounds_behind(spec_of(graph, node))) return 0;
  return (node.results[0].shape.numel() * 4 + 63) / 64 * 64;
}

std::int64_t workspace(const ir::Graph& graph, const ir::Node& node, int threads) {
  if (is_skinny(graph, node)) return skinny_workspace(graph, node, threads);
  return sum_bytes(graph, node) + scratchpad(graph, node, threads);
}

std::unique_ptr<Kernel> create(const ir::Graph& graph, const ir::Node& node,
                               const KernelArgs& args) {
  if (is_skinny(graph, node)) return create_skinny(graph, node, args);
  MatmulSpec spec = product_of(graph, node);
  const bool rounds = rounds_behind(spec_of(graph, node));
  MatmulPointers pointers{.a = args.operands[0],
                          .b = args.operands[1],
                          .c = rounds ? args.workspace : args.results[0],
                          .operands = {},
                          .scratchpad = args.workspace + sum_bytes(graph, node)};
  std::size_t operand = 2;
  bool in_place = false;
  for (std::size_t i = 0; i < spec.post_ops.size(); ++i) {
    if (!takes_operand(spec.post_ops[i].op)) continue;
    const std::byte* data = args.operands[operand++];
    if (data != pointers.c) {
      pointers.operands.push_back(data);
      continue;
    }
    ir::internal_check(spec.post_ops[i].op == PostOp::add && !in_place,
                       "matmul: only one add of the epilogue may be in place");
    in_place = true;
    spec = accumulating(std::move(spec), i);
  }
  std::unique_ptr<Rounding> rounding;
  if (rounds)
    rounding = std::make_unique<Rounding>(args.workspace, node.results[0].shape.numel(), args);
  return std::make_unique<MatmulKernel>(Product(spec).bind(pointers, args.threads),
                                        std::move(rounding));
}

}  // namespace

KernelRow kernel_matmul() {
  return {.workspace = workspace,
          .create = create,
          .library =
              [](const ir::Graph& graph, const ir::Node& node) {
                if (is_skinny(graph, node)) return std::int64_t{0};
                return most(graph, node,
                            [](const Product& product) { return product.library_bytes(); });
              },
          .allocated =
              [](const ir::Graph& graph, const ir::Node& node, int threads) {
                if (is_skinny(graph, node)) return std::int64_t{0};
                return Product::allocated_bytes(product_of(graph, node), threads);
              }};
}

}  // namespace gptc::onednn

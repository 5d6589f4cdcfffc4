// matmul with its epilogue: one oneDNN primitive, or our own loops where there are few rows.
// Transposes and batches are strides, never copies.
#include <algorithm>

#include "backends/onednn/kernel.h"
#include "backends/onednn/skinny.h"
#include "backends/onednn/sliced_matmul.h"
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

class MatmulKernel final : public Kernel {
 public:
  explicit MatmulKernel(std::vector<MatmulCall> calls) : calls_(std::move(calls)) {}
  void execute() override {
    for (const MatmulCall& call : calls_) call.execute();
  }

 private:
  std::vector<MatmulCall> calls_;
};

/// An item is a panel of columns.
class SkinnyKernel final : public ItemKernel {
 public:
  SkinnyKernel(SkinnyProblem problem, const KernelArgs& args)
      : ItemKernel(args.threads, args.workspace,
                   static_cast<std::int64_t>(problem.scratch_bytes())),
        problem_(std::move(problem)) {}

 private:
  std::int64_t items() const override { return static_cast<std::int64_t>(problem_.panels()); }
  void run(std::int64_t item, std::byte* scratch) override {
    run_skinny(problem_, static_cast<std::size_t>(item), scratch);
  }

  SkinnyProblem problem_;
};

std::int64_t scratchpad(const ir::Graph& graph, const ir::Node& node) {
  const MatmulSpec spec = spec_of(graph, node);
  std::int64_t bytes = SlicedMatmul(spec).scratchpad_bytes();
  // Which add is in place, if any, is known only when memory has been planned.
  for (std::size_t i = 0; i < spec.post_ops.size(); ++i) {
    if (spec.post_ops[i].op == PostOp::add)
      bytes = std::max(bytes, SlicedMatmul(accumulating(spec, i)).scratchpad_bytes());
  }
  return bytes;
}

/// Up to so many rows are no work for oneDNN, which reads plain weights at half the speed there.
constexpr std::int64_t few_rows = 16;

bool is_skinny(const ir::Graph& graph, const ir::Node& node) {
  const MatmulSpec spec = spec_of(graph, node);
  const auto f32_or_bf16 = [](ir::DType dtype) {
    return dtype == ir::DType::f32 || dtype == ir::DType::bf16;
  };
  return spec.c.batch == 1 && spec.b.batch == 1 && !node.attrs.flag("transpose_a") &&
         spec.c.rows <= few_rows && f32_or_bf16(spec.a.dtype) && f32_or_bf16(spec.c.dtype);
}

SkinnyStep::Op skinny_op(PostOp op) {
  using Op = SkinnyStep::Op;
  if (op == PostOp::bias_row) return Op::bias;
  if (op == PostOp::gelu_tanh) return Op::gelu;
  if (op == PostOp::relu) return Op::relu;
  return op == PostOp::mul ? Op::mul : Op::add;
}

SkinnyProblem skinny_problem(const ir::Graph& graph, const ir::Node& node, const KernelArgs* args) {
  const MatmulSpec spec = spec_of(graph, node);
  const auto is_bf16 = [](ir::DType dtype) { return dtype == ir::DType::bf16; };
  SkinnyProblem problem;
  problem.rows = static_cast<std::size_t>(spec.c.rows);
  problem.inner = static_cast<std::size_t>(spec.a.cols);
  problem.columns = static_cast<std::size_t>(spec.c.cols);
  problem.transposed = node.attrs.flag("transpose_b");
  problem.form = is_bf16(spec.b.dtype) ? WeightForm::bf16 : WeightForm::f32;
  problem.x_is_bf16 = is_bf16(spec.a.dtype);
  problem.y_is_bf16 = is_bf16(spec.c.dtype);
  if (args == nullptr) return problem;
  problem.x = args->operands[0];
  problem.w = args->operands[1];
  problem.y = args->results[0];
  std::size_t operand = 2;
  for (const PostStep& step : spec.post_ops) {
    SkinnyStep& made = problem.steps.emplace_back(skinny_op(step.op));
    if (!takes_operand(step.op)) continue;
    made.operand = args->operands[operand++];
    made.is_bf16 = is_bf16(step.dtype);
  }
  return problem;
}

std::int64_t workspace(const ir::Graph& graph, const ir::Node& node, int threads) {
  if (!is_skinny(graph, node)) return scratchpad(graph, node);
  return threads * static_cast<std::int64_t>(skinny_problem(graph, node, nullptr).scratch_bytes());
}

std::unique_ptr<Kernel> create_primitive(const ir::Graph& graph, const ir::Node& node,
                                         const KernelArgs& args) {
  MatmulSpec spec = spec_of(graph, node);
  MatmulPointers pointers{.a = args.operands[0],
                          .b = args.operands[1],
                          .c = args.results[0],
                          .operands = {},
                          .scratchpad = args.workspace};
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
  return std::make_unique<MatmulKernel>(SlicedMatmul(spec).bind(pointers));
}

std::unique_ptr<Kernel> create(const ir::Graph& graph, const ir::Node& node,
                               const KernelArgs& args) {
  if (!is_skinny(graph, node)) return create_primitive(graph, node, args);
  return std::make_unique<SkinnyKernel>(skinny_problem(graph, node, &args), args);
}

}  // namespace

KernelRow kernel_matmul() {
  return {
      .workspace = workspace,
      .create = create,
      .library =
          [](const ir::Graph& graph, const ir::Node& node) {
            return is_skinny(graph, node) ? 0 : scratchpad(graph, node);
          },
      .allocated = [](const ir::Graph& graph, const ir::Node& node, int threads) -> std::int64_t {
        if (is_skinny(graph, node)) return 0;
        return packing_bytes(spec_of(graph, node), threads);
      }};
}

}  // namespace gptc::onednn

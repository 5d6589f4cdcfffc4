#include "backends/onednn/skinny_matmul.h"

#include "backends/onednn/skinny.h"
#include "ir/check.h"

namespace gptc::onednn {
namespace {

constexpr auto few_rows = static_cast<std::int64_t>(SkinnyProblem::few_rows);

bool is_bf16(const ir::Type& type) { return type.dtype == ir::DType::bf16; }

SkinnyStep::Op step_of(const std::string& name) {
  using Op = SkinnyStep::Op;
  if (name == "scale") return Op::scale;
  if (name == "bias") return Op::bias;
  if (name == "gelu") return Op::gelu;
  if (name == "relu") return Op::relu;
  if (name == "mul") return Op::mul;
  if (name == "add") return Op::add;
  ir::internal_error("matmul: unknown epilogue '{}'", name);
}

WeightForm form_of(ir::DType dtype) {
  if (dtype == ir::DType::i8) return WeightForm::i8;
  return dtype == ir::DType::bf16 ? WeightForm::bf16 : WeightForm::f32;
}

/// Without addresses where there are no arguments.
SkinnyProblem problem_of(const ir::Graph& graph, const ir::Node& node, const KernelArgs* args) {
  const ir::Type& x = graph.type(node.operands[0]);
  const ir::Type& y = node.results[0];
  SkinnyProblem problem;
  problem.rows = static_cast<std::size_t>(y.shape.rows());
  problem.inner = static_cast<std::size_t>(x.shape.back().size());
  problem.columns = static_cast<std::size_t>(y.shape.back().size());
  const bool halves = node.kind == ir::OpKind::matmul_i4;
  problem.form = halves ? WeightForm::i4 : form_of(graph.type(node.operands[1]).dtype);
  problem.x_is_bf16 = is_bf16(x);
  problem.y_is_bf16 = is_bf16(y);
  if (args == nullptr) return problem;
  problem.x = args->operands[0];
  problem.w = args->operands[1];
  problem.y = args->results[0];
  if (halves) {
    problem.scales = reinterpret_cast<const float*>(args->operands[2]);
    return problem;
  }
  std::size_t next = 2;
  for (const std::string& name : node.attrs.strings("epilogue")) {
    SkinnyStep step{.op = step_of(name)};
    if (step.op != SkinnyStep::Op::gelu && step.op != SkinnyStep::Op::relu) {
      step.operand = args->operands[next];
      step.is_bf16 = is_bf16(graph.type(node.operands[next++]));
    }
    problem.steps.push_back(step);
  }
  return problem;
}

/// An item is a panel of columns; rows of x are rounded, widened or put side by side before.
class SkinnyKernel final : public ItemKernel {
 public:
  SkinnyKernel(SkinnyProblem problem, const KernelArgs& args)
      : ItemKernel(args.threads, args.workspace,
                   static_cast<std::int64_t>(problem.scratch_bytes())),
        problem_(std::move(problem)) {
    problem_.prepared =
        args.workspace + static_cast<std::size_t>(threads()) * problem_.scratch_bytes();
  }

 private:
  std::int64_t first_items() const override {
    return static_cast<std::int64_t>(problem_.prepare_items());
  }
  void run_first(std::int64_t item, std::byte* scratch) override {
    prepare_skinny(problem_, static_cast<std::size_t>(item), scratch);
  }
  std::int64_t items() const override { return static_cast<std::int64_t>(problem_.panels()); }
  void run(std::int64_t item, std::byte* scratch) override {
    run_skinny(problem_, static_cast<std::size_t>(item), scratch);
  }
  bool in_runs() const override { return true; }

  SkinnyProblem problem_;
};

}  // namespace

bool is_skinny(const ir::Graph& graph, const ir::Node& node) {
  const auto f32_or_bf16 = [](const ir::Type& type) {
    return type.dtype == ir::DType::f32 || type.dtype == ir::DType::bf16;
  };
  const ir::Type& weights = graph.type(node.operands[1]);
  const bool few = node.results[0].shape.rows() <= few_rows || node.attrs.flag("exact") ||
                   weights.dtype == ir::DType::i8;
  return few && weights.shape.rank() == 2 && node.attrs.flag("transpose_b") &&
         !node.attrs.flag("transpose_a") && f32_or_bf16(graph.type(node.operands[0])) &&
         f32_or_bf16(node.results[0]);
}

std::int64_t skinny_workspace(const ir::Graph& graph, const ir::Node& node, int threads) {
  const SkinnyProblem problem = problem_of(graph, node, nullptr);
  return threads * static_cast<std::int64_t>(problem.scratch_bytes()) +
         static_cast<std::int64_t>(problem.prepared_bytes());
}

std::unique_ptr<Kernel> create_skinny(const ir::Graph& graph, const ir::Node& node,
                                      const KernelArgs& args) {
  return std::make_unique<SkinnyKernel>(problem_of(graph, node, &args), args);
}

}  // namespace gptc::onednn

// Stand-alone elementwise kernels: row functions over broadcast operands.
#include <algorithm>
#include <array>

#include "backends/onednn/broadcast_plan.h"
#include "backends/onednn/kernel.h"
#include "backends/onednn/rows.h"

namespace gptc::onednn {
namespace {

constexpr std::int64_t item_elements = 1 << 15;
constexpr std::size_t max_args = 2;

class ElementwiseKernel final : public ItemKernel {
 public:
  ElementwiseKernel(const ir::Graph& graph, const ir::Node& node, const KernelArgs& args)
      : ItemKernel(args.threads), run_(find_row_op(node.kind)->run), params_(row_params(node)) {
    ir::internal_check(node.operands.size() <= max_args && node.results.size() <= max_args,
                       "an elementwise op with {} operands", node.operands.size());
    std::vector<ir::Shape> shapes;
    for (const ir::Value operand : node.operands) shapes.push_back(graph.type(operand).shape);
    plan_ = plan_broadcast(node.results[0].shape, shapes);
    for (std::byte* operand : args.operands) operands_.push_back(reinterpret_cast<float*>(operand));
    for (std::byte* result : args.results) results_.push_back(reinterpret_cast<float*>(result));
    cols_ = std::min(plan_.cols, item_elements);
    rows_ =
        std::clamp<std::int64_t>(item_elements / std::max<std::int64_t>(1, cols_), 1, plan_.rows);
    col_blocks_ = (plan_.cols + cols_ - 1) / cols_;
    row_blocks_ = (plan_.rows + rows_ - 1) / rows_;
    // Small tiles share an item.
    const std::int64_t tile = std::max<std::int64_t>(1, plan_.rows * plan_.cols);
    group_ = std::clamp<std::int64_t>(item_elements / tile, 1, plan_.tiles());
  }

 private:
  std::int64_t items() const override {
    return (plan_.tiles() + group_ - 1) / group_ * row_blocks_ * col_blocks_;
  }

  void run(std::int64_t item, std::byte* /*scratch*/) override {
    const std::int64_t col = item % col_blocks_ * cols_;
    const std::int64_t row = item / col_blocks_ % row_blocks_ * rows_;
    const std::int64_t first = item / (col_blocks_ * row_blocks_) * group_;
    const std::int64_t end = std::min(plan_.tiles(), first + group_);
    for (std::int64_t tile = first; tile < end; ++tile) run_tile(tile, row, col);
  }

  void run_tile(std::int64_t tile, std::int64_t row, std::int64_t col) const {
    std::array<RowArg, max_args> operands;
    std::array<RowArg, max_args> results;
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      const BroadcastPlan::Operand& operand = plan_.operands[i];
      const std::int64_t begin =
          plan_.offset(operand, tile) + row * operand.row_stride + col * operand.col_stride;
      operands[i] = {operands_[i] + begin, operand.row_stride, operand.col_stride};
    }
    const std::int64_t first = (tile * plan_.rows + row) * plan_.cols + col;
    for (std::size_t i = 0; i < results_.size(); ++i)
      results[i] = {results_[i] == nullptr ? nullptr : results_[i] + first, plan_.cols, 1};
    run_({.operands = operands.data(),
          .results = results.data(),
          .rows = std::min(rows_, plan_.rows - row),
          .cols = std::min(cols_, plan_.cols - col),
          .first = first,
          .pitch = plan_.cols,
          .params = &params_});
  }

  RowFn run_;
  RowParams params_;
  BroadcastPlan plan_;
  std::vector<float*> operands_;
  std::vector<float*> results_;
  std::int64_t cols_;
  std::int64_t rows_;
  std::int64_t col_blocks_;
  std::int64_t row_blocks_;
  std::int64_t group_;
};

KernelRow elementwise_row() {
  return {.supports = all_f32,
          .create = [](const ir::Graph& graph, const ir::Node& node,
                       const KernelArgs& args) -> std::unique_ptr<Kernel> {
            return std::make_unique<ElementwiseKernel>(graph, node, args);
          }};
}

}  // namespace

KernelRow kernel_neg() { return elementwise_row(); }
KernelRow kernel_exp() { return elementwise_row(); }
KernelRow kernel_log() { return elementwise_row(); }
KernelRow kernel_sqrt() { return elementwise_row(); }
KernelRow kernel_rsqrt() { return elementwise_row(); }
KernelRow kernel_tanh() { return elementwise_row(); }
KernelRow kernel_sigmoid() { return elementwise_row(); }
KernelRow kernel_relu() { return elementwise_row(); }
KernelRow kernel_step() { return elementwise_row(); }
KernelRow kernel_gelu() { return elementwise_row(); }
KernelRow kernel_gelu_with_grad() { return elementwise_row(); }
KernelRow kernel_add() { return elementwise_row(); }
KernelRow kernel_sub() { return elementwise_row(); }
KernelRow kernel_mul() { return elementwise_row(); }
KernelRow kernel_div() { return elementwise_row(); }
KernelRow kernel_maximum() { return elementwise_row(); }

}  // namespace gptc::onednn

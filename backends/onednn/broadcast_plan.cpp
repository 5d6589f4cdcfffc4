#include "backends/onednn/broadcast_plan.h"

#include <algorithm>

namespace gptc::onednn {
namespace {

struct Axis {
  std::int64_t size = 1;
  std::vector<std::int64_t> strides;  // by operand, 0 where broadcast
};

std::vector<Axis> axes_of(const ir::Shape& result, const std::vector<ir::Shape>& operands) {
  std::vector<Axis> axes(result.rank());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    axes[i].size = result[i].size();
    axes[i].strides.assign(operands.size(), 0);
  }
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const std::size_t missing = result.rank() - operands[k].rank();
    std::int64_t stride = 1;
    for (std::size_t i = operands[k].rank(); i-- > 0;) {
      const std::int64_t size = operands[k][i].size();
      if (size != 1) axes[missing + i].strides[k] = stride;
      stride *= size;
    }
  }
  return axes;
}

/// An axis joins the one inside it if every operand walks both with one stride.
bool joins(const Axis& outer, const Axis& inner) {
  for (std::size_t k = 0; k < outer.strides.size(); ++k)
    if (outer.strides[k] != inner.strides[k] * inner.size) return false;
  return true;
}

std::vector<Axis> merged(const std::vector<Axis>& axes) {
  std::vector<Axis> result;  // from the inside
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    if (axis->size == 1) continue;
    if (!result.empty() && joins(*axis, result.back()))
      result.back().size *= axis->size;
    else
      result.push_back(*axis);
  }
  return result;
}

}  // namespace

std::int64_t BroadcastPlan::tiles() const {
  std::int64_t count = 1;
  for (const std::int64_t size : outer) count *= size;
  return count;
}

std::int64_t BroadcastPlan::offset(const Operand& operand, std::int64_t tile) const {
  std::int64_t offset = 0;
  for (std::size_t i = outer.size(); i-- > 0;) {
    offset += tile % outer[i] * operand.outer_strides[i];
    tile /= outer[i];
  }
  return offset;
}

BroadcastPlan plan_broadcast(const ir::Shape& result, const std::vector<ir::Shape>& operands) {
  const std::vector<Axis> axes = merged(axes_of(result, operands));
  BroadcastPlan plan;
  plan.operands.resize(operands.size());
  for (std::size_t depth = 0; depth < axes.size(); ++depth) {
    if (depth == 0) plan.cols = axes[depth].size;
    if (depth == 1) plan.rows = axes[depth].size;
    if (depth >= 2) plan.outer.insert(plan.outer.begin(), axes[depth].size);
    for (std::size_t k = 0; k < operands.size(); ++k) {
      BroadcastPlan::Operand& operand = plan.operands[k];
      const std::int64_t stride = axes[depth].strides[k];
      if (depth == 0) operand.col_stride = stride;
      if (depth == 1) operand.row_stride = stride;
      if (depth >= 2) operand.outer_strides.insert(operand.outer_strides.begin(), stride);
    }
  }
  return plan;
}

}  // namespace gptc::onednn

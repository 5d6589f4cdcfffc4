#include "backends/onednn/reduce_plan.h"

#include <algorithm>

namespace gptc::onednn {
namespace {

constexpr std::int64_t item_elements = 1 << 15;
constexpr std::int64_t max_row_blocks = 32;

struct Run {
  std::int64_t size;
  std::int64_t stride;
  bool reduced;
};

/// Neighbouring axes of the same fate are one; axes of one element vanish.
std::vector<Run> collapse(const ir::Shape& shape, const ir::Ints& axes) {
  std::vector<Run> runs;
  std::int64_t stride = 1;
  for (std::size_t i = shape.rank(); i-- > 0;) {
    const std::int64_t size = shape[i].size();
    const bool reduced = std::ranges::find(axes, static_cast<std::int64_t>(i)) != axes.end();
    if (size != 1) {
      if (!runs.empty() && runs.back().reduced == reduced)
        runs.back().size *= size;
      else
        runs.push_back({size, stride, reduced});
    }
    stride *= size;
  }
  std::ranges::reverse(runs);
  return runs;
}

}  // namespace

std::int64_t Odometer::count() const {
  std::int64_t count = 1;
  for (const Axis& axis : axes_) count *= axis.size;
  return count;
}

std::int64_t Odometer::offset(std::int64_t index) const {
  std::int64_t offset = 0;
  for (auto axis = axes_.rbegin(); axis != axes_.rend(); ++axis) {
    offset += index % axis->size * axis->stride;
    index /= axis->size;
  }
  return offset;
}

ReducePlan plan_reduction(const ir::Shape& shape, const ir::Ints& axes) {
  std::vector<Run> runs = collapse(shape, axes);
  if (runs.empty()) runs.push_back({1, 1, true});
  ReducePlan plan;
  plan.along_row = runs.back().reduced;
  plan.length = runs.back().size;
  plan.width = plan.along_row ? 1 : plan.length;
  runs.pop_back();
  for (const Run& run : runs)
    (run.reduced ? plan.reduced : plan.kept).add_axis(run.size, run.stride);
  plan.outputs = plan.kept.count();
  plan.rows = plan.reduced.count();
  plan.piece = plan.along_row ? std::min(plan.length, item_elements) : plan.length;
  plan.pieces = plan.along_row ? (plan.length + plan.piece - 1) / plan.piece : 1;
  // Column sums keep few partial rows; sums of single values may have as many as they like.
  const std::int64_t enough = std::max<std::int64_t>(1, item_elements / plan.piece);
  const std::int64_t spread = (plan.rows + max_row_blocks - 1) / max_row_blocks;
  plan.block_rows = plan.along_row ? enough : std::max(std::min<std::int64_t>(enough, 16), spread);
  plan.block_rows = std::min(plan.block_rows, plan.rows);
  plan.row_blocks = (plan.rows + plan.block_rows - 1) / plan.block_rows;
  return plan;
}

}  // namespace gptc::onednn

// transpose: whole rows where the last axis stays, else square blocks that fit L1.
#include <algorithm>
#include <cstring>

#include "backends/onednn/kernel.h"

namespace gptc::onednn {
namespace {

/// Axes of the result, merged where the operand walks them with one stride. Strides in elements.
struct Axis {
  std::int64_t size;
  std::int64_t from;  // operand's stride
  std::int64_t to;    // result's stride
};

std::vector<Axis> merged_axes(const ir::Shape& x, const ir::Ints& perm) {
  std::vector<std::int64_t> strides(x.rank(), 1);
  for (std::size_t i = x.rank(); i-- > 1;) strides[i - 1] = strides[i] * x[i].size();
  std::vector<Axis> axes;  // from the inside
  std::int64_t to = 1;
  for (auto source = perm.rbegin(); source != perm.rend(); ++source) {
    const auto axis = static_cast<std::size_t>(*source);
    const std::int64_t size = x[axis].size();
    if (size != 1) {
      if (!axes.empty() && axes.back().from * axes.back().size == strides[axis])
        axes.back().size *= size;
      else
        axes.push_back({size, strides[axis], to});
    }
    to *= size;
  }
  if (axes.empty()) axes.push_back({1, 1, 1});
  std::ranges::reverse(axes);
  return axes;
}

constexpr std::int64_t block = 32;
constexpr std::int64_t item_bytes = 1 << 16;

/// The result is a set of matrices: `row` is the result axis that is contiguous in the operand,
/// `col` the result's last; the other axes are around them.
struct TransposePlan {
  std::vector<Axis> outer;
  Axis row{1, 0, 0};
  Axis col{1, 1, 1};
  bool contiguous = false;  // the last axis is contiguous on both sides; row is unused
};

TransposePlan make_plan(const ir::Shape& x, const ir::Ints& perm) {
  TransposePlan plan;
  plan.outer = merged_axes(x, perm);
  plan.col = plan.outer.back();
  plan.outer.pop_back();
  plan.contiguous = plan.col.from == 1;
  if (plan.contiguous) return plan;
  const auto row = std::ranges::find(plan.outer, std::int64_t{1}, &Axis::from);
  plan.row = *row;
  plan.outer.erase(row);
  return plan;
}

template <class T>
class TransposeKernel final : public ItemKernel {
 public:
  TransposeKernel(TransposePlan plan, const KernelArgs& args)
      : ItemKernel(args.threads),
        plan_(std::move(plan)),
        from_(reinterpret_cast<const T*>(args.operands[0])),
        to_(reinterpret_cast<T*>(args.results[0])) {
    for (const Axis& axis : plan_.outer) outer_ *= axis.size;
    bands_ = (plan_.row.size + block - 1) / block;
    const auto band =
        static_cast<std::int64_t>(sizeof(T)) * plan_.col.size * std::min(block, plan_.row.size);
    group_ = std::max<std::int64_t>(1, item_bytes / band);
  }

 private:
  // A unit is a band of up to `block` rows of one matrix.
  std::int64_t items() const override { return (outer_ * bands_ + group_ - 1) / group_; }

  void run(std::int64_t item, std::byte* /*scratch*/) override {
    const std::int64_t end = std::min(outer_ * bands_, (item + 1) * group_);
    for (std::int64_t unit = item * group_; unit < end; ++unit) {
      std::int64_t index = unit / bands_;
      const T* from = from_;
      T* to = to_;
      for (auto axis = plan_.outer.rbegin(); axis != plan_.outer.rend(); ++axis) {
        from += index % axis->size * axis->from;
        to += index % axis->size * axis->to;
        index /= axis->size;
      }
      if (plan_.contiguous)
        std::copy_n(from, plan_.col.size, to);
      else
        move_band(from, to, unit % bands_ * block);
    }
  }

  void move_band(const T* from, T* to, std::int64_t first) const {
    const std::int64_t end = std::min(plan_.row.size, first + block);
    for (std::int64_t col = 0; col < plan_.col.size; col += block) {
      const std::int64_t stop = std::min(plan_.col.size, col + block);
      for (std::int64_t r = first; r < end; ++r) {
        T* out = to + r * plan_.row.to;
        const T* in = from + r;
        for (std::int64_t c = col; c < stop; ++c) out[c] = in[c * plan_.col.from];
      }
    }
  }

  TransposePlan plan_;
  const T* from_;
  T* to_;
  std::int64_t outer_ = 1;
  std::int64_t bands_ = 1;
  std::int64_t group_ = 1;
};

std::unique_ptr<Kernel> create_transpose(const ir::Graph& graph, const ir::Node& node,
                                         const KernelArgs& args) {
  const ir::Type& x = graph.type(node.operands[0]);
  TransposePlan plan = make_plan(x.shape, node.attrs.ints("perm"));
  const std::int64_t bytes = ir::dtype_bytes(x.dtype);
  if (bytes == 8) return std::make_unique<TransposeKernel<std::uint64_t>>(std::move(plan), args);
  if (bytes == 4) return std::make_unique<TransposeKernel<std::uint32_t>>(std::move(plan), args);
  if (bytes == 2) return std::make_unique<TransposeKernel<std::uint16_t>>(std::move(plan), args);
  return std::make_unique<TransposeKernel<std::uint8_t>>(std::move(plan), args);
}

}  // namespace

KernelRow kernel_transpose() { return {nullptr, nullptr, create_transpose}; }

}  // namespace gptc::onednn

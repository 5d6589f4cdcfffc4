// softmax over the last axis, and causal_mask.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/softmax.cpp"
#include <hwy/foreach_target.h>
// The order matters: foreach_target first.
#include <hwy/highway.h>

#include <algorithm>

#include "backends/onednn/row_program.h"
#include "backends/onednn/rows.h"
#include "backends/onednn/simd-inl.h"
#include "backends/onednn/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace {

void softmax_tile(const RowTile& tile) {
  const F32 d;
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    const float* x = tile.operands[0].row(r);
    float* y = tile.results[0].row(r);
    const VF32 most = hn::Set(d, max_row(x, tile.cols));
    const float sum = sum_of(tile.cols, [&](std::int64_t i, auto access) HWY_ATTR {
      const VF32 power = access.keep(d, exp_of(d, hn::Sub(access.load(d, x + i), most)));
      access.store(d, power, y + i);
      return power;
    });
    const VF32 scale = hn::Set(d, 1.0F / sum);
    sweep(tile.cols, [&](std::int64_t i, auto access) HWY_ATTR {
      access.store(d, hn::Mul(access.load(d, y + i), scale), y + i);
    });
  }
}

constexpr RowFunction functions[] = {{ir::OpKind::softmax, softmax_tile}};

}  // namespace

std::span<const RowFunction> softmax_of_target() { return functions; }

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {

HWY_EXPORT(softmax_of_target);

std::span<const RowFunction> softmax_rows() { return HWY_DYNAMIC_DISPATCH(softmax_of_target)(); }

namespace {

constexpr std::int64_t item_elements = 1 << 15;

class CausalMask final : public ItemKernel {
 public:
  CausalMask(const ir::Node& node, const KernelArgs& args)
      : ItemKernel(args.threads),
        x_(reinterpret_cast<const float*>(args.operands[0])),
        y_(reinterpret_cast<float*>(args.results[0])),
        rows_(node.results[0].shape.rows()),
        queries_(node.results[0].shape[node.results[0].shape.rank() - 2].size()),
        keys_(node.results[0].shape.back().size()),
        fill_(static_cast<float>(node.attrs.real("fill"))) {
    if (args.operands.size() < 2) return;
    past_ = reinterpret_cast<const std::int32_t*>(args.operands[1]);
    rows_of_batch_ = std::max<std::int64_t>(1, rows_ / node.results[0].shape[0].size());
  }

 private:
  std::int64_t rows_per_item() const {
    return std::max<std::int64_t>(1, item_elements / std::max<std::int64_t>(1, keys_));
  }
  std::int64_t items() const override { return (rows_ + rows_per_item() - 1) / rows_per_item(); }

  void run(std::int64_t item, std::byte* /*scratch*/) override {
    const std::int64_t end = std::min(rows_, (item + 1) * rows_per_item());
    for (std::int64_t row = item * rows_per_item(); row < end; ++row) {
      const std::int64_t past = past_ == nullptr ? keys_ - queries_ : past_[row / rows_of_batch_];
      const std::int64_t seen = std::clamp<std::int64_t>(row % queries_ + past + 1, 0, keys_);
      const float* x = x_ + row * keys_;
      float* y = y_ + row * keys_;
      if (x != y) std::copy_n(x, seen, y);
      std::fill(y + seen, y + keys_, fill_);
    }
  }

  const float* x_;
  float* y_;
  std::int64_t rows_;
  std::int64_t queries_;
  std::int64_t keys_;
  float fill_;
  const std::int32_t* past_ = nullptr;  // null: what there is of keys before the queries
  std::int64_t rows_of_batch_ = 1;
};

}  // namespace

KernelRow kernel_softmax() { return row_kernel(); }

KernelRow kernel_causal_mask() {
  return {.supports = all_f32,
          .create = [](const ir::Graph&, const ir::Node& node, const KernelArgs& args)
              -> std::unique_ptr<Kernel> { return std::make_unique<CausalMask>(node, args); }};
}

}  // namespace gptc::onednn
#endif

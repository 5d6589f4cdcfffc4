#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/head_rows.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "backends/onednn/bf16-inl.h"
#include "backends/onednn/head_rows.h"
#include "backends/onednn/simd-inl.h"
#include "backends/onednn/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void max_of_columns(const LogitBlock& block, float* max) {
  const F32 d;
  std::fill_n(max, block.columns, -HUGE_VALF);
  for (std::int64_t v = 0; v < block.count; ++v) {
    const float* row = block.logits + v * block.pitch;
    sweep(block.columns, [&](std::int64_t c, auto access) HWY_ATTR {
      access.store(d, MaxVectors{}(access.load(d, max + c), access.load(d, row + c)), max + c);
    });
  }
}

/// `store(row, c, access, value)` keeps the exponential.
template <class Store>
HWY_INLINE void exp_of_columns(const LogitBlock& block, const float* max, float* sum,
                               const Store& store) {
  const F32 d;
  std::fill_n(sum, block.columns, 0.F);
  for (std::int64_t v = 0; v < block.count; ++v) {
    float* row = block.logits + v * block.pitch;
    sweep(block.columns, [&](std::int64_t c, auto access) HWY_ATTR {
      const auto x = hn::Sub(access.load(d, row + c), access.load(d, max + c));
      const auto e = exp_of(d, x);
      access.store(d, hn::Add(access.load(d, sum + c), e), sum + c);
      store(row, c, access, e);
    });
  }
}

void exp_and_sum(const LogitBlock& block, const float* max, float* sum, Keep keep) {
  if (keep == Keep::nothing) {
    exp_of_columns(block, max, sum, [](float*, std::int64_t, auto, VF32) HWY_ATTR {});
  } else if (keep == Keep::f32) {
    exp_of_columns(block, max, sum, [](float* row, std::int64_t c, auto access, VF32 e) HWY_ATTR {
      access.store(F32(), e, row + c);
    });
  } else {
    exp_of_columns(block, max, sum, [](float* row, std::int64_t c, auto access, VF32 e) HWY_ATTR {
      store_bf16(access, e, reinterpret_cast<std::uint16_t*>(row) + c);
    });
  }
}

void scale_any(const std::byte* from, bool from_bf16, float factor, std::byte* to, bool to_bf16,
               std::int64_t size) {
  const auto* single = reinterpret_cast<const float*>(from);
  const auto* half = reinterpret_cast<const std::uint16_t*>(from);
  auto* single_out = reinterpret_cast<float*>(to);
  auto* half_out = reinterpret_cast<std::uint16_t*>(to);
  if (from_bf16 && to_bf16) {
    scale_values(half, factor, half_out, size);
  } else if (from_bf16) {
    scale_values(half, factor, single_out, size);
  } else if (to_bf16) {
    scale_values(single, factor, half_out, size);
  } else {
    scale_values(single, factor, single_out, size);
  }
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {
namespace {

HWY_EXPORT(max_of_columns);
HWY_EXPORT(exp_and_sum);
HWY_EXPORT(scale_any);

}  // namespace

void column_max(const LogitBlock& block, float* max) {
  HWY_DYNAMIC_DISPATCH(max_of_columns)(block, max);
}

void column_exp(const LogitBlock& block, const float* max, float* sum, Keep keep) {
  HWY_DYNAMIC_DISPATCH(exp_and_sum)(block, max, sum, keep);
}

void scale_row(const std::byte* from, ir::DType from_dtype, float factor, std::byte* to,
               ir::DType to_dtype, std::int64_t size) {
  HWY_DYNAMIC_DISPATCH(scale_any)
  (from, from_dtype == ir::DType::bf16, factor, to, to_dtype == ir::DType::bf16, size);
}

}  // namespace gptc::onednn
#endif

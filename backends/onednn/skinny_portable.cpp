// Skinny products in vectors of f32, whatever the processor: weights are widened as they are read.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/skinny_portable.cpp"
#include <hwy/foreach_target.h>
// The order matters: foreach_target first.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "backends/onednn/bf16-inl.h"
#include "backends/onednn/simd-inl.h"
#include "backends/onednn/skinny_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace {

using I8Tag = hn::Rebind<std::int8_t, F32>;
using I32Tag = hn::RebindToSigned<F32>;

HWY_INLINE hn::Vec<I32Tag> load_i8(const std::int8_t* from) {
  return hn::PromoteTo(I32Tag(), hn::LoadU(I8Tag(), from));
}
HWY_INLINE VF32 low_half(hn::Vec<I32Tag> byte) {
  return hn::ConvertTo(F32(), hn::ShiftRight<28>(hn::ShiftLeft<28>(byte)));
}
HWY_INLINE VF32 high_half(hn::Vec<I32Tag> byte) {
  return hn::ConvertTo(F32(), hn::ShiftRight<4>(byte));
}

/// A vector of weights as f32; `at` counts values.
template <WeightForm kForm>
struct Weights;
template <>
struct Weights<WeightForm::f32> {
  static constexpr std::size_t bytes = 4;
  static HWY_INLINE VF32 load(const std::byte* w, std::size_t at) {
    return hn::LoadU(F32(), reinterpret_cast<const float*>(w) + at);
  }
};
template <>
struct Weights<WeightForm::bf16> {
  static constexpr std::size_t bytes = 2;
  static HWY_INLINE VF32 load(const std::byte* w, std::size_t at) {
    return widen(hn::LoadU(HalfTag(), reinterpret_cast<const std::uint16_t*>(w) + at));
  }
};
template <>
struct Weights<WeightForm::i8> {
  static constexpr std::size_t bytes = 1;
  static HWY_INLINE VF32 load(const std::byte* w, std::size_t at) {
    return hn::ConvertTo(F32(), load_i8(reinterpret_cast<const std::int8_t*>(w) + at));
  }
};

/// A block of sums, rows `widest` apart.
struct Block {
  const SkinnyProblem& problem;
  const float* x;      // the first row
  std::size_t column;  // the first channel
  float* sums;
};

/// The weight at this place, as f32.
template <WeightForm kForm>
HWY_INLINE float weight_at(const std::byte* w, std::size_t index) {
  if constexpr (kForm == WeightForm::f32) return reinterpret_cast<const float*>(w)[index];
  if constexpr (kForm == WeightForm::bf16) {
    const auto bits = std::uint32_t{reinterpret_cast<const std::uint16_t*>(w)[index]} << 16;
    float value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }
  return reinterpret_cast<const std::int8_t*>(w)[index];
}

template <WeightForm kForm, std::size_t kRows, std::size_t kColumns>
HWY_INLINE void dot_rows(const Block& at) {
  using Form = Weights<kForm>;
  const F32 d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t inner = at.problem.inner;
  VF32 sum[kRows][kColumns];
  for (auto& row : sum)
    for (VF32& value : row) value = hn::Zero(d);
  std::size_t k = 0;
  for (; k + lanes <= inner; k += lanes) {
    VF32 w[kColumns];
    for (std::size_t c = 0; c < kColumns; ++c) {
      const std::size_t first = (at.column + c) * inner + k;
      hwy::Prefetch(at.problem.w + (first + kColumns * inner) * Form::bytes);
      w[c] = Form::load(at.problem.w, first);
    }
    for (std::size_t r = 0; r < kRows; ++r) {
      const VF32 x = hn::LoadU(d, at.x + r * inner + k);
      for (std::size_t c = 0; c < kColumns; ++c) sum[r][c] = hn::MulAdd(x, w[c], sum[r][c]);
    }
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t c = 0; c < kColumns; ++c) {
      float total = hn::GetLane(hn::SumOfLanes(d, sum[r][c]));
      for (std::size_t rest = k; rest < inner; ++rest)
        total =
            __builtin_fmaf(at.x[r * inner + rest],
                           weight_at<kForm>(at.problem.w, (at.column + c) * inner + rest), total);
      at.sums[r * SkinnyProblem::widest + c] = total;
    }
  }
}

template <std::size_t kRows, std::size_t kColumns>
HWY_INLINE void dot_rows_i4(const Block& at) {
  const F32 d;
  const std::size_t lanes = hn::Lanes(d);
  constexpr std::size_t half = i4_group / 2;
  const std::size_t inner = at.problem.inner;
  const std::size_t groups = inner / i4_group;
  const auto* bytes = reinterpret_cast<const std::int8_t*>(at.problem.w);
  VF32 sum[kRows][kColumns];
  for (auto& row : sum)
    for (VF32& value : row) value = hn::Zero(d);
  for (std::size_t group = 0; group < groups; ++group) {
    VF32 part[kRows][kColumns];
    for (auto& row : part)
      for (VF32& value : row) value = hn::Zero(d);
    for (std::size_t j = 0; j < half; j += lanes) {
      for (std::size_t c = 0; c < kColumns; ++c) {
        const auto both = load_i8(bytes + ((at.column + c) * groups + group) * half + j);
        const VF32 low = low_half(both);
        const VF32 high = high_half(both);
        for (std::size_t r = 0; r < kRows; ++r) {
          const float* x = at.x + r * inner + group * i4_group + j;
          part[r][c] = hn::MulAdd(hn::LoadU(d, x), low, part[r][c]);
          part[r][c] = hn::MulAdd(hn::LoadU(d, x + half), high, part[r][c]);
        }
      }
    }
    for (std::size_t c = 0; c < kColumns; ++c) {
      const VF32 scale = hn::Set(d, at.problem.scales[(at.column + c) * groups + group]);
      for (std::size_t r = 0; r < kRows; ++r) sum[r][c] = hn::MulAdd(part[r][c], scale, sum[r][c]);
    }
  }
  for (std::size_t r = 0; r < kRows; ++r)
    for (std::size_t c = 0; c < kColumns; ++c)
      at.sums[r * SkinnyProblem::widest + c] = hn::GetLane(hn::SumOfLanes(d, sum[r][c]));
}

template <WeightForm kForm, std::size_t kRows, std::size_t kColumns>
HWY_INLINE void dot_block(const Block& at) {
  if constexpr (kForm == WeightForm::i4) {
    dot_rows_i4<kRows, kColumns>(at);
  } else {
    dot_rows<kForm, kRows, kColumns>(at);
  }
}

template <WeightForm kForm, std::size_t kColumns>
HWY_INLINE void dot_all_rows(const SkinnyProblem& problem, const SkinnyTile& tile, const float* x,
                             std::size_t column, float* sums) {
  constexpr std::size_t together = kForm == WeightForm::i4 ? 2 : 4;
  std::size_t row = 0;
  const auto block = [&] {
    return Block{problem, x + row * problem.inner, column,
                 sums + row * SkinnyProblem::widest + (column - tile.first_column)};
  };
  for (; row + together <= tile.rows; row += together)
    dot_block<kForm, together, kColumns>(block());
  for (; row < tile.rows; ++row) dot_block<kForm, 1, kColumns>(block());
}

template <WeightForm kForm>
void multiply(const SkinnyProblem& problem, const SkinnyTile& tile, const float* x, float* sums) {
  std::size_t column = tile.first_column;
  const std::size_t end = column + tile.columns;
  for (; column + 4 <= end; column += 4) dot_all_rows<kForm, 4>(problem, tile, x, column, sums);
  for (; column < end; ++column) dot_all_rows<kForm, 1>(problem, tile, x, column, sums);
}

}  // namespace

void multiply_by_form(const SkinnyProblem& problem, const SkinnyTile& tile, const float* x,
                      float* sums) {
  switch (problem.form) {
    case WeightForm::f32:
      return multiply<WeightForm::f32>(problem, tile, x, sums);
    case WeightForm::bf16:
      return multiply<WeightForm::bf16>(problem, tile, x, sums);
    case WeightForm::i8:
      return multiply<WeightForm::i8>(problem, tile, x, sums);
    case WeightForm::i4:
      return multiply<WeightForm::i4>(problem, tile, x, sums);
  }
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {

HWY_EXPORT(multiply_by_form);

void multiply_portably(const SkinnyProblem& problem, const SkinnyTile& tile, const float* x,
                       float* sums) {
  HWY_DYNAMIC_DISPATCH(multiply_by_form)(problem, tile, x, sums);
}

}  // namespace gptc::onednn
#endif

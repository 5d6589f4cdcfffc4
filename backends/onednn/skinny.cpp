// Skinny products in vectors of f32, whatever the processor: weights are widened as they are read.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/skinny.cpp"
#include <hwy/foreach_target.h>
// The order matters: foreach_target first.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>

#include "backends/onednn/bf16-inl.h"
#include "backends/onednn/simd-inl.h"
#include "backends/onednn/skinny_kernels.h"
#include "backends/onednn/vector_math-inl.h"

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

// -- what follows the product ---------------------------------------------------------------------

/// Calls body(i, access, operand vector) over a row of the step's operand.
template <class Body>
HWY_INLINE void with_operand(const SkinnyStep& step, std::size_t first, std::int64_t size,
                             const Body& body) {
  sweep(size, [&](std::int64_t i, auto access) HWY_ATTR {
    if (step.is_bf16) {
      const auto* operand = reinterpret_cast<const std::uint16_t*>(step.operand) + first;
      body(i, access, load_any(access, operand + i));
    } else {
      const auto* operand = reinterpret_cast<const float*>(step.operand) + first;
      body(i, access, load_any(access, operand + i));
    }
  });
}

void apply(const SkinnyStep& step, std::size_t first, std::int64_t size, float* row) {
  const F32 d;
  using Op = SkinnyStep::Op;
  if (step.op == Op::gelu || step.op == Op::relu) {
    const bool gelu = step.op == Op::gelu;
    return sweep(size, [&](std::int64_t i, auto access) HWY_ATTR {
      const VF32 x = access.load(d, row + i);
      access.store(d, gelu ? Gelu::value(d, x) : hn::Max(x, hn::Zero(d)), row + i);
    });
  }
  const bool product = step.op == Op::mul || step.op == Op::scale;
  with_operand(step, first, size, [&](std::int64_t i, auto access, VF32 operand) HWY_ATTR {
    const VF32 x = access.load(d, row + i);
    access.store(d, product ? hn::Mul(x, operand) : hn::Add(x, operand), row + i);
  });
}

void finish_rows(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums) {
  const auto size = static_cast<std::int64_t>(tile.columns);
  for (std::size_t r = 0; r < tile.rows; ++r) {
    float* row = sums + r * SkinnyProblem::widest;
    const std::size_t first = (tile.first_row + r) * problem.columns + tile.first_column;
    for (const SkinnyStep& step : problem.steps)
      apply(step, step.is_of_columns() ? tile.first_column : first, size, row);
    if (problem.y_is_bf16) {
      scale_values(row, 1.F, reinterpret_cast<std::uint16_t*>(problem.y) + first, size);
    } else {
      std::copy_n(row, tile.columns, reinterpret_cast<float*>(problem.y) + first);
    }
  }
}

/// Some rows of x as f32; those that are go as they are.
const float* wide_rows(const SkinnyProblem& problem, std::size_t first, std::size_t count,
                       float* room) {
  const std::byte* x = problem.x + first * problem.x_row();
  if (!problem.x_is_bf16) return reinterpret_cast<const float*>(x);
  scale_values(reinterpret_cast<const std::uint16_t*>(x), 1.F, room,
               static_cast<std::int64_t>(count * problem.inner));
  return room;
}

}  // namespace

void prepare_row(const SkinnyProblem& problem, std::size_t row, float* room) {
  if (problem.widens_first()) {
    auto* to = reinterpret_cast<float*>(problem.prepared) + row * problem.inner;
    wide_rows(problem, row, 1, to);
    return;
  }
  round_row(problem, row, wide_rows(problem, row, 1, room));
}

/// From units of each row of x.
void scale_rows(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums) {
  const RoundedRow row(problem);
  const std::byte* x = problem.prepared + tile.first_row * row.bytes();
  for (std::size_t r = 0; r < tile.rows; ++r, sums += SkinnyProblem::widest) {
    float unit = 0;
    std::memcpy(&unit, x + r * row.bytes() + row.values, sizeof(unit));
    scale_values(sums, unit, sums, static_cast<std::int64_t>(tile.columns));
  }
}

void multiply_portably(const SkinnyProblem& problem, const SkinnyTile& tile, const float* x,
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

void run_tile(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums, float* room) {
  const auto x = [&] {
    if (problem.widens_first())
      return reinterpret_cast<const float*>(problem.prepared) + tile.first_row * problem.inner;
    return wide_rows(problem, tile.first_row, tile.rows, room);
  };
  const SkinnyUnit unit = skinny_unit(problem);
  switch (unit) {
    case SkinnyUnit::portable:
      multiply_portably(problem, tile, x(), sums);
      break;
    case SkinnyUnit::avx2_floats:
      avx2::multiply_floats(problem, tile, x(), sums);
      break;
    case SkinnyUnit::avx2_integers:
      avx2::multiply_integers(problem, tile, sums);
      break;
    case SkinnyUnit::avx512_floats:
      avx512::multiply_floats(problem, tile, x(), sums);
      break;
    case SkinnyUnit::avx512_pairs:
      avx512::multiply_pairs(problem, tile, sums);
      break;
    case SkinnyUnit::avx512_integers:
      avx512::multiply_integers(problem, tile, sums);
      break;
  }
  if (is_of_integers(unit)) scale_rows(problem, tile, sums);
  finish_rows(problem, tile, sums);
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {

HWY_EXPORT(prepare_row);
HWY_EXPORT(run_tile);

std::size_t SkinnyProblem::channel_bytes() const {
  if (form == WeightForm::f32) return inner * 4;
  if (form == WeightForm::bf16) return inner * 2;
  return form == WeightForm::i8 ? inner : inner / 2;
}

std::size_t SkinnyProblem::panel() const {
  if (rows > few_rows) return widest;
  constexpr std::size_t step = 32;
  constexpr std::size_t wanted = std::size_t{64} << 10;  // bytes
  const std::size_t whole = wanted / std::max<std::size_t>(1, channel_bytes() * step);
  return std::clamp((whole + 1) * step, step, widest);
}

bool SkinnyProblem::widens_first() const {
  constexpr std::size_t few = 4;
  const SkinnyUnit unit = skinny_unit(*this);
  return x_is_bf16 && rows > few && rows <= skinny_rows && !is_of_integers(unit) &&
         unit != SkinnyUnit::avx512_pairs;
}

std::size_t SkinnyProblem::prepared_bytes() const {
  if (widens_first()) return wide_values(rows) * sizeof(float);
  return is_of_integers(skinny_unit(*this)) ? rows * RoundedRow(*this).bytes() : 0;
}

std::size_t SkinnyProblem::scratch_bytes() const {
  const std::size_t together = std::min(rows, skinny_rows);
  std::size_t bytes = together * widest * sizeof(float);
  const SkinnyUnit unit = skinny_unit(*this);
  if (is_of_integers(unit)) {
    bytes = std::max(bytes, wide_values(1) * sizeof(float));
  } else if (unit != SkinnyUnit::avx512_pairs && !widens_first()) {
    bytes += wide_values(together) * sizeof(float);
  }
  return (bytes + 63) / 64 * 64;
}

void prepare_skinny(const SkinnyProblem& problem, std::size_t row, std::byte* scratch) {
  HWY_DYNAMIC_DISPATCH(prepare_row)(problem, row, reinterpret_cast<float*>(scratch));
}

void run_skinny(const SkinnyProblem& problem, std::size_t item, std::byte* scratch) {
  auto* sums = reinterpret_cast<float*>(scratch);
  const std::size_t first = item * problem.panel();
  for (std::size_t row = 0; row < problem.rows; row += skinny_rows) {
    const SkinnyTile tile = {row, std::min(skinny_rows, problem.rows - row), first,
                             std::min(problem.panel(), problem.columns - first)};
    const std::size_t together = std::min(problem.rows, skinny_rows);
    HWY_DYNAMIC_DISPATCH(run_tile)(problem, tile, sums, sums + together * SkinnyProblem::widest);
  }
}

}  // namespace gptc::onednn
#endif

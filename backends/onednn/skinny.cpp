// The wide forms: weights become f32 vectors as they are read. Along columns where w is [K,N], each
// sum in order of k; along k where w is [N,K].
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/skinny.cpp"
#include <hwy/foreach_target.h>
// The order matters: foreach_target first.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>

#include "backends/onednn/bf16-inl.h"
#include "backends/onednn/bf16_dot.h"
#include "backends/onednn/simd-inl.h"
#include "backends/onednn/skinny.h"
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

/// Rows of w this far ahead are fetched.
constexpr std::size_t ahead = 12;
constexpr std::size_t line = 64;

template <std::size_t kVectors>
HWY_INLINE void fetch(const std::byte* from, std::size_t vector_bytes) {
  for (std::size_t byte = 0; byte < kVectors * vector_bytes; byte += line)
    hwy::Prefetch(from + byte);
}

// -- w [K,N] --------------------------------------------------------------------------------------

/// A block of kRows x (kVectors vectors) of the sums, rows `panel` apart.
struct ColumnBlock {
  const SkinnyProblem& problem;
  const float* x;      // the first row
  std::size_t column;  // in w
  float* sums;
};

template <WeightForm kForm, std::size_t kRows, std::size_t kVectors>
HWY_INLINE void sum_columns(const ColumnBlock& at) {
  using Form = Weights<kForm>;
  const F32 d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t inner = at.problem.inner;
  const std::size_t columns = at.problem.columns;
  VF32 sum[kRows][kVectors];
  for (auto& row : sum)
    for (VF32& value : row) value = hn::Zero(d);
  for (std::size_t k = 0; k < inner; ++k) {
    const std::size_t first = k * columns + at.column;
    const std::size_t later = std::min(k + ahead, inner - 1) * columns + at.column;
    fetch<kVectors>(at.problem.w + later * Form::bytes, lanes * Form::bytes);
    VF32 w[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) w[v] = Form::load(at.problem.w, first + v * lanes);
    for (std::size_t r = 0; r < kRows; ++r) {
      const VF32 x = hn::Set(d, at.x[r * inner + k]);
      for (std::size_t v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(x, w[v], sum[r][v]);
    }
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      VF32 value = sum[r][v];
      if constexpr (kForm == WeightForm::i8)
        value = hn::Mul(value, hn::LoadU(d, at.problem.scales + at.column + v * lanes));
      hn::StoreU(value, d, at.sums + r * SkinnyProblem::panel + v * lanes);
    }
  }
}

template <std::size_t kRows, std::size_t kVectors>
HWY_INLINE void sum_columns_i4(const ColumnBlock& at) {
  const F32 d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t inner = at.problem.inner;
  const std::size_t columns = at.problem.columns;
  const auto* bytes = reinterpret_cast<const std::int8_t*>(at.problem.w) + at.column;
  constexpr std::size_t half = i4_group / 2;
  VF32 sum[kRows][kVectors];
  for (auto& row : sum)
    for (VF32& value : row) value = hn::Zero(d);
  for (std::size_t group = 0; group < inner / i4_group; ++group) {
    VF32 part[kRows][kVectors];
    for (auto& row : part)
      for (VF32& value : row) value = hn::Zero(d);
    for (std::size_t j = 0; j < half; ++j) {
      const std::size_t row = group * half + j;
      const std::size_t later = std::min(row + ahead, inner / 2 - 1);
      fetch<kVectors>(reinterpret_cast<const std::byte*>(bytes + later * columns), lanes);
      const float* x = at.x + group * i4_group + j;
      for (std::size_t v = 0; v < kVectors; ++v) {
        const auto both = load_i8(bytes + row * columns + v * lanes);
        const VF32 low = low_half(both);
        const VF32 high = high_half(both);
        for (std::size_t r = 0; r < kRows; ++r) {
          part[r][v] = hn::MulAdd(hn::Set(d, x[r * inner]), low, part[r][v]);
          part[r][v] = hn::MulAdd(hn::Set(d, x[r * inner + half]), high, part[r][v]);
        }
      }
    }
    for (std::size_t v = 0; v < kVectors; ++v) {
      const VF32 scale = hn::LoadU(d, at.problem.scales + group * columns + at.column + v * lanes);
      for (std::size_t r = 0; r < kRows; ++r) sum[r][v] = hn::MulAdd(part[r][v], scale, sum[r][v]);
    }
  }
  for (std::size_t r = 0; r < kRows; ++r)
    for (std::size_t v = 0; v < kVectors; ++v)
      hn::StoreU(sum[r][v], d, at.sums + r * SkinnyProblem::panel + v * lanes);
}

/// The weight (k, column), as f32, without its scale but in i4.
template <WeightForm kForm>
HWY_INLINE float weight_at(const SkinnyProblem& at, std::size_t k, std::size_t column) {
  const std::size_t index = k * at.columns + column;
  if constexpr (kForm == WeightForm::f32) return reinterpret_cast<const float*>(at.w)[index];
  if constexpr (kForm == WeightForm::bf16) {
    const auto bits = std::uint32_t{reinterpret_cast<const std::uint16_t*>(at.w)[index]} << 16;
    float value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }
  return reinterpret_cast<const std::int8_t*>(at.w)[index];
}

/// A column behind the last whole vector, by the same operations in the same order.
template <WeightForm kForm>
float sum_column(const ColumnBlock& at) {
  const std::size_t inner = at.problem.inner;
  float sum = 0;
  if constexpr (kForm == WeightForm::i4) {
    constexpr std::size_t half = i4_group / 2;
    const auto* bytes = reinterpret_cast<const std::int8_t*>(at.problem.w) + at.column;
    for (std::size_t group = 0; group < inner / i4_group; ++group) {
      float part = 0;
      for (std::size_t j = 0; j < half; ++j) {
        const int both = bytes[(group * half + j) * at.problem.columns];
        const int low = ((both & 15) ^ 8) - 8;
        part = __builtin_fmaf(at.x[group * i4_group + j], static_cast<float>(low), part);
        part =
            __builtin_fmaf(at.x[group * i4_group + half + j], static_cast<float>(both >> 4), part);
      }
      sum = __builtin_fmaf(part, at.problem.scales[group * at.problem.columns + at.column], sum);
    }
    return sum;
  }
  for (std::size_t k = 0; k < inner; ++k)
    sum = __builtin_fmaf(at.x[k], weight_at<kForm>(at.problem, k, at.column), sum);
  return kForm == WeightForm::i8 ? sum * at.problem.scales[at.column] : sum;
}

template <WeightForm kForm, std::size_t kRows, std::size_t kVectors>
HWY_INLINE void column_block(const ColumnBlock& at) {
  if constexpr (kForm == WeightForm::i4) {
    sum_columns_i4<kRows, kVectors>(at);
  } else {
    sum_columns<kForm, kRows, kVectors>(at);
  }
}

/// Rows of the tile from `column` on, kVectors vectors of them.
template <WeightForm kForm, std::size_t kVectors>
HWY_INLINE void all_rows(const SkinnyProblem& problem, const SkinnyTile& tile, const float* x,
                         std::size_t column, float* sums) {
  constexpr std::size_t together = kForm == WeightForm::i4 ? 2 : 4;
  std::size_t row = 0;
  const auto block = [&] {
    return ColumnBlock{problem, x + row * problem.inner, column,
                       sums + row * SkinnyProblem::panel + (column - tile.first_column)};
  };
  for (; row + together <= tile.rows; row += together)
    column_block<kForm, together, kVectors>(block());
  for (; row < tile.rows; ++row) column_block<kForm, 1, kVectors>(block());
}

template <WeightForm kForm>
void multiply_columns(const SkinnyProblem& problem, const SkinnyTile& tile, const float* x,
                      float* sums) {
  const std::size_t lanes = hn::Lanes(F32());
  std::size_t column = tile.first_column;
  const std::size_t end = column + tile.columns;
  // One row has registers for a whole panel; more of them share what they have.
  if (tile.rows == 1) {
    for (; column + 8 * lanes <= end; column += 8 * lanes)
      all_rows<kForm, 8>(problem, tile, x, column, sums);
  }
  for (; column + 4 * lanes <= end; column += 4 * lanes)
    all_rows<kForm, 4>(problem, tile, x, column, sums);
  for (; column + lanes <= end; column += lanes) all_rows<kForm, 1>(problem, tile, x, column, sums);
  for (; column < end; ++column) {
    for (std::size_t row = 0; row < tile.rows; ++row)
      sums[row * SkinnyProblem::panel + column - tile.first_column] =
          sum_column<kForm>({problem, x + row * problem.inner, column, nullptr});
  }
}

// -- w [N,K] --------------------------------------------------------------------------------------

template <WeightForm kForm, std::size_t kRows, std::size_t kColumns>
HWY_INLINE void dot_rows(const ColumnBlock& at) {
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
      w[c] = Form::load(at.problem.w, first);
    }
    for (std::size_t r = 0; r < kRows; ++r) {
      const VF32 x = hn::LoadU(d, at.x + r * inner + k);
      for (std::size_t c = 0; c < kColumns; ++c) sum[r][c] = hn::MulAdd(x, w[c], sum[r][c]);
    }
  }
  SkinnyProblem stored = at.problem;  // as a matrix of `inner` columns
  stored.columns = inner;
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t c = 0; c < kColumns; ++c) {
      float total = hn::GetLane(hn::SumOfLanes(d, sum[r][c]));
      for (std::size_t rest = k; rest < inner; ++rest)
        total = __builtin_fmaf(at.x[r * inner + rest],
                               weight_at<kForm>(stored, at.column + c, rest), total);
      if constexpr (kForm == WeightForm::i8) total *= at.problem.scales[at.column + c];
      at.sums[r * SkinnyProblem::panel + c] = total;
    }
  }
}

template <std::size_t kRows, std::size_t kColumns>
HWY_INLINE void dot_rows_i4(const ColumnBlock& at) {
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
      at.sums[r * SkinnyProblem::panel + c] = hn::GetLane(hn::SumOfLanes(d, sum[r][c]));
}

template <WeightForm kForm, std::size_t kRows, std::size_t kColumns>
HWY_INLINE void dot_block(const ColumnBlock& at) {
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
    return ColumnBlock{problem, x + row * problem.inner, column,
                       sums + row * SkinnyProblem::panel + (column - tile.first_column)};
  };
  for (; row + together <= tile.rows; row += together)
    dot_block<kForm, together, kColumns>(block());
  for (; row < tile.rows; ++row) dot_block<kForm, 1, kColumns>(block());
}

template <WeightForm kForm>
void multiply_dots(const SkinnyProblem& problem, const SkinnyTile& tile, const float* x,
                   float* sums) {
  std::size_t column = tile.first_column;
  const std::size_t end = column + tile.columns;
  for (; column + 4 <= end; column += 4) dot_all_rows<kForm, 4>(problem, tile, x, column, sums);
  for (; column < end; ++column) dot_all_rows<kForm, 1>(problem, tile, x, column, sums);
}

template <WeightForm kForm>
void multiply(const SkinnyProblem& problem, const SkinnyTile& tile, const float* x, float* sums) {
  if (problem.transposed) return multiply_dots<kForm>(problem, tile, x, sums);
  multiply_columns<kForm>(problem, tile, x, sums);
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
  const bool product = step.op == Op::mul;
  with_operand(step, first, size, [&](std::int64_t i, auto access, VF32 operand) HWY_ATTR {
    const VF32 x = access.load(d, row + i);
    access.store(d, product ? hn::Mul(x, operand) : hn::Add(x, operand), row + i);
  });
}

void finish_rows(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums) {
  const auto size = static_cast<std::int64_t>(tile.columns);
  for (std::size_t r = 0; r < tile.rows; ++r) {
    float* row = sums + r * SkinnyProblem::panel;
    const std::size_t first = (tile.first_row + r) * problem.columns + tile.first_column;
    for (const SkinnyStep& step : problem.steps)
      apply(step, step.op == SkinnyStep::Op::bias ? tile.first_column : first, size, row);
    if (problem.y_is_bf16) {
      scale_values(row, 1.F, reinterpret_cast<std::uint16_t*>(problem.y) + first, size);
    } else {
      std::copy_n(row, tile.columns, reinterpret_cast<float*>(problem.y) + first);
    }
  }
}

/// Rows of x as f32; those that are go as they are.
const float* wide_rows(const SkinnyProblem& problem, const SkinnyTile& tile, float* room) {
  const std::byte* x = problem.x + tile.first_row * problem.x_row();
  if (!problem.x_is_bf16) return reinterpret_cast<const float*>(x);
  scale_values(reinterpret_cast<const std::uint16_t*>(x), 1.F, room,
               static_cast<std::int64_t>(tile.rows * problem.inner));
  return room;
}

}  // namespace

void run_tile(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums, float* room) {
  if (problem.multiplies_pairs()) {
    multiply_pairs(problem, tile, sums);
  } else {
    const float* x = wide_rows(problem, tile, room);
    if (problem.form == WeightForm::f32) multiply<WeightForm::f32>(problem, tile, x, sums);
    if (problem.form == WeightForm::bf16) multiply<WeightForm::bf16>(problem, tile, x, sums);
    if (problem.form == WeightForm::i8) multiply<WeightForm::i8>(problem, tile, x, sums);
    if (problem.form == WeightForm::i4) multiply<WeightForm::i4>(problem, tile, x, sums);
  }
  finish_rows(problem, tile, sums);
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {

HWY_EXPORT(run_tile);

bool SkinnyProblem::multiplies_pairs() const {
  return form == WeightForm::bf16 && x_is_bf16 && has_bf16_dot();
}

std::size_t SkinnyProblem::scratch_bytes() const {
  const std::size_t together = std::min(rows, skinny_rows);
  const std::size_t wide = x_is_bf16 && !multiplies_pairs() ? together * inner : 0;
  return (together * panel + wide + 16) / 16 * 16 * sizeof(float);
}

void run_skinny(const SkinnyProblem& problem, std::size_t item, std::byte* scratch) {
  auto* sums = reinterpret_cast<float*>(scratch);
  const std::size_t first = item * SkinnyProblem::panel;
  for (std::size_t row = 0; row < problem.rows; row += skinny_rows) {
    const SkinnyTile tile = {row, std::min(skinny_rows, problem.rows - row), first,
                             std::min(SkinnyProblem::panel, problem.columns - first)};
    const std::size_t together = std::min(problem.rows, skinny_rows);
    HWY_DYNAMIC_DISPATCH(run_tile)(problem, tile, sums, sums + together * SkinnyProblem::panel);
  }
}

}  // namespace gptc::onednn
#endif

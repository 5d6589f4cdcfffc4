// Skinny products around what multiplies: rows of x before, what follows the sums behind.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/skinny.cpp"
#include <hwy/foreach_target.h>
// The order matters: foreach_target first.
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "backends/onednn/bf16-inl.h"
#include "backends/onednn/simd-inl.h"
#include "backends/onednn/skinny_abreast.h"
#include "backends/onednn/skinny_kernels.h"
#include "backends/onednn/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace {

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

/// Where a row is that is widened before any item.
float* widened(const SkinnyProblem& problem, std::size_t row) {
  const std::size_t abreast = problem.rows_abreast();
  const std::size_t before = abreast > 0 ? avx2::values_abreast(problem) : 0;
  return reinterpret_cast<float*>(problem.prepared) + before + (row - abreast) * problem.inner;
}

}  // namespace

void prepare_row(const SkinnyProblem& problem, std::size_t row, float* room) {
  if (problem.widens_first()) {
    wide_rows(problem, row, 1, widened(problem, row));
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

void run_tile(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums, float* room) {
  const auto x = [&](const SkinnyTile& of) -> const float* {
    if (problem.widens_first()) return widened(problem, of.first_row);
    return wide_rows(problem, of.first_row, of.rows, room);
  };
  const SkinnyUnit unit = skinny_unit(problem);
  switch (unit) {
    case SkinnyUnit::portable:
      multiply_portably(problem, tile, x(tile), sums);
      break;
    case SkinnyUnit::avx2_floats:
      if (const std::size_t abreast = problem.rows_abreast(); abreast > 0) {
        avx2::multiply_abreast(problem, tile, sums);
        SkinnyTile rest = tile;
        rest.first_row += abreast;
        rest.rows -= abreast;
        if (rest.rows > 0)
          avx2::multiply_floats(problem, rest, x(rest), sums + abreast * SkinnyProblem::widest);
      } else {
        avx2::multiply_floats(problem, tile, x(tile), sums);
      }
      break;
    case SkinnyUnit::avx2_integers:
      avx2::multiply_integers(problem, tile, sums);
      break;
    case SkinnyUnit::avx512_floats:
      avx512::multiply_floats(problem, tile, x(tile), sums);
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
  constexpr std::size_t few_tiles = 48;  // whole ones of rows side by side
  if (rows_abreast() > 0) return few_tiles;
  if (rows > few_rows) return widest;
  constexpr std::size_t step = 32;
  constexpr std::size_t wanted = std::size_t{64} << 10;  // bytes
  const std::size_t whole = wanted / std::max<std::size_t>(1, channel_bytes() * step);
  return std::clamp((whole + 1) * step, step, widest);
}

std::size_t SkinnyProblem::rows_abreast() const {
  return skinny_unit(*this) == SkinnyUnit::avx2_floats ? avx2::rows_abreast(*this) : 0;
}

bool SkinnyProblem::widens_first() const {
  constexpr std::size_t few = 4;
  const SkinnyUnit unit = skinny_unit(*this);
  return x_is_bf16 && rows > few && rows <= skinny_rows && !is_of_integers(unit) &&
         unit != SkinnyUnit::avx512_pairs;
}

std::size_t SkinnyProblem::prepared_bytes() const {
  if (is_of_integers(skinny_unit(*this))) return rows * RoundedRow(*this).bytes();
  const std::size_t abreast = rows_abreast();
  const std::size_t values = (abreast > 0 ? avx2::values_abreast(*this) : 0) +
                             (widens_first() ? wide_values(rows - abreast) : 0);
  return values * sizeof(float);
}

std::size_t SkinnyProblem::prepare_items() const {
  const std::size_t abreast = rows_abreast();
  const bool others = widens_first() || is_of_integers(skinny_unit(*this));
  return (abreast > 0 ? avx2::items_abreast(*this) : 0) + (others ? rows - abreast : 0);
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

void prepare_skinny(const SkinnyProblem& problem, std::size_t item, std::byte* scratch) {
  const std::size_t abreast = problem.rows_abreast();
  const std::size_t first = abreast > 0 ? avx2::items_abreast(problem) : 0;
  if (item < first) return avx2::put_abreast(problem, item);
  HWY_DYNAMIC_DISPATCH(prepare_row)
  (problem, abreast + item - first, reinterpret_cast<float*>(scratch));
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

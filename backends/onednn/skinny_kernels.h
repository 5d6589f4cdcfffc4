// The products of skinny.h by instruction set, for problems of that unit: a file for each.
#pragma once

#include <cstdint>

#include "backends/onednn/skinny.h"

namespace gptc::onednn {

/// What multiplies x and w in their forms.
enum class SkinnyUnit : std::uint8_t {
  portable,
  avx2_floats,      // f32, and bf16 widened
  avx2_integers,    // i8 and i4 by 16-bit products
  avx512_floats,    // f32
  avx512_pairs,     // bf16, both
  avx512_integers,  // i8 by 16-bit products, i4 by bytes
};
SkinnyUnit skinny_unit(const SkinnyProblem& problem);

/// Whether x meets the weights as whole numbers, rounded before any item.
constexpr bool is_of_integers(SkinnyUnit unit) {
  return unit == SkinnyUnit::avx2_integers || unit == SkinnyUnit::avx512_integers;
}

/// A row of x in problem.prepared: so many bytes of integers, and behind them their unit, a float.
struct RoundedRow {
  explicit RoundedRow(const SkinnyProblem& problem);
  std::size_t bytes() const { return values + 64; }

  std::size_t values;
};

/// Into problem.prepared; `x` is the row in f32.
void round_row(const SkinnyProblem& problem, std::size_t row, const float* x);

// sums[row, column] = x · wᵀ of the tile, rows SkinnyProblem::widest apart. `x` is the tile's rows
// in f32; of integers, sums are in units of the row.

void multiply_portably(const SkinnyProblem& problem, const SkinnyTile& tile, const float* x,
                       float* sums);

namespace avx512 {
void multiply_floats(const SkinnyProblem& problem, const SkinnyTile& tile, const float* x,
                     float* sums);
void multiply_pairs(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums);
void multiply_integers(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums);
/// Bytes of a row's integers.
std::size_t rounded_bytes(const SkinnyProblem& problem);
/// Writes a row's integers; returns what 1 stands for.
float round_row(const SkinnyProblem& problem, const float* x, std::byte* to);
}  // namespace avx512

namespace avx2 {
void multiply_floats(const SkinnyProblem& problem, const SkinnyTile& tile, const float* x,
                     float* sums);
void multiply_integers(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums);
std::size_t rounded_bytes(const SkinnyProblem& problem);
float round_row(const SkinnyProblem& problem, const float* x, std::byte* to);
}  // namespace avx2

}  // namespace gptc::onednn

// Products of few rows: what a decode step is made of. Weights are read once, as they are stored,
// and a row's result has the same bits however many rows there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ir/type.h"

namespace gptc::onednn {

/// How the weights are stored.
enum class WeightForm : std::uint8_t { f32, bf16, i8, i4 };

/// One step of what follows the product; operands are f32 or bf16.
struct SkinnyStep {
  enum class Op : std::uint8_t { bias, gelu, relu, mul, add };
  Op op = Op::bias;
  const std::byte* operand = nullptr;
  bool is_bf16 = false;
};

/// y[M,N] = steps(x[M,K] · w), sums in f32 in an order that depends on K alone.
struct SkinnyProblem {
  std::size_t rows = 0;     // M
  std::size_t inner = 0;    // K
  std::size_t columns = 0;  // N
  bool transposed = false;  // w is stored [N,K], else [K,N]
  WeightForm form = WeightForm::f32;
  const std::byte* x = nullptr;
  bool x_is_bf16 = false;
  const std::byte* w = nullptr;
  /// i8: f32[N]. i4: f32[K/32,N], or f32[N,K/32] where transposed.
  const float* scales = nullptr;
  std::byte* y = nullptr;
  bool y_is_bf16 = false;
  std::vector<SkinnyStep> steps;

  /// Columns of an item.
  static constexpr std::size_t panel = 128;
  std::size_t panels() const { return (columns + panel - 1) / panel; }
  std::size_t x_row() const { return inner * (x_is_bf16 ? 2 : 4); }  // bytes
  /// A thread's.
  std::size_t scratch_bytes() const;
  /// Whether pairs are multiplied by the processor's dot product.
  bool multiplies_pairs() const;
};

/// Values of a contraction that share a scale in i4: 16 bytes hold them, value j in the low half of
/// byte j, value 16 + j in its high half, in two's complement.
inline constexpr std::size_t i4_group = 32;

/// Some rows of x against the columns of one panel.
struct SkinnyTile {
  std::size_t first_row = 0;
  std::size_t rows = 0;
  std::size_t first_column = 0;
  std::size_t columns = 0;
};
/// Rows worked on together; more of them reread the panel.
inline constexpr std::size_t skinny_rows = 64;

/// sums[row, column] = x · w of the tile, rows SkinnyProblem::panel apart, by the processor's dot
/// product of bf16 pairs. Only where multiplies_pairs().
void multiply_pairs(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums);

/// The columns of one panel, all rows. `scratch` is the thread's own.
void run_skinny(const SkinnyProblem& problem, std::size_t item, std::byte* scratch);

}  // namespace gptc::onednn

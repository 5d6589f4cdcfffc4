// Products of few rows: what a decode step is made of. Weights lie channel by channel, are read
// once and as they are stored, and a row's result has the same bits however many rows there are.
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
  enum class Op : std::uint8_t { scale, bias, gelu, relu, mul, add };
  Op op = Op::bias;
  const std::byte* operand = nullptr;
  bool is_bf16 = false;

  /// Whether the operand has one value for each column.
  bool is_of_columns() const { return op == Op::scale || op == Op::bias; }
};

/// y[M,N] = steps(x[M,K] · wᵀ), w [N,K]. Sums in f32, in an order that depends on K alone. Where
/// the processor multiplies 16-bit integers, i8 and i4 meet x rounded to 16 bits by row.
struct SkinnyProblem {
  std::size_t rows = 0;     // M
  std::size_t inner = 0;    // K
  std::size_t columns = 0;  // N
  WeightForm form = WeightForm::f32;
  const std::byte* x = nullptr;
  bool x_is_bf16 = false;
  const std::byte* w = nullptr;
  const float* scales = nullptr;  // i4: [N,K/32]
  std::byte* y = nullptr;
  bool y_is_bf16 = false;
  std::vector<SkinnyStep> steps;
  std::byte* prepared = nullptr;  // prepared_bytes

  /// Columns of an item: fewer share the work out well; many make rows of x worth reading and, for
  /// few rows, the streams long in which weights are read.
  static constexpr std::size_t widest = 128;
  static constexpr std::size_t few_rows = 16;
  std::size_t panel() const;
  std::size_t panels() const { return (columns + panel() - 1) / panel(); }
  std::size_t channel_bytes() const;                                 // of w
  std::size_t x_row() const { return inner * (x_is_bf16 ? 2 : 4); }  // bytes
  /// Of `of` rows of x, where they must be widened to f32; else 0.
  std::size_t wide_values(std::size_t of) const {
    return x_is_bf16 ? (of * inner + 15) / 16 * 16 : 0;
  }
  /// Rows that stand side by side (skinny_abreast.h), the first ones.
  std::size_t rows_abreast() const;
  /// Whether x is widened once, before any item: of few rows, or too many to keep, panels do it.
  bool widens_first() const;
  /// Where x is put before any item, as integers, side by side or widened; else 0.
  std::size_t prepared_bytes() const;
  /// Items in which it is put there.
  std::size_t prepare_items() const;
  /// A thread's.
  std::size_t scratch_bytes() const;
};

/// Values of a channel that share a scale in i4: 16 bytes hold them, value j in the low half of
/// byte j, value 16 + j in its high half, in two's complement.
inline constexpr std::size_t i4_group = 32;

/// Rows worked on together; more of them reread the panel.
inline constexpr std::size_t skinny_rows = 64;

/// Some rows of x against the columns of one panel.
struct SkinnyTile {
  std::size_t first_row = 0;
  std::size_t rows = 0;
  std::size_t first_column = 0;
  std::size_t columns = 0;
};

/// One of prepare_items().
void prepare_skinny(const SkinnyProblem& problem, std::size_t item, std::byte* scratch);
/// The columns of one panel, all rows. `scratch` is the thread's own.
void run_skinny(const SkinnyProblem& problem, std::size_t item, std::byte* scratch);

}  // namespace gptc::onednn

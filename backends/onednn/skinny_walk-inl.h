// How skinny products walk over weights, once per instruction set: include behind its forms, with
// GPTC_SKINNY as the attribute of its functions and GPTC_SKINNY_NAMESPACE. A form says what its
// sums are (`Lanes`: a vector of sums, and how many of those stay in registers) and adds a step
// over k of some rows and channels. All forms keep that many sums in flight, each a chain over k in
// every lane; lanes are added up at the end, in one order whatever the number of rows.
#include <algorithm>
#include <bit>
#include <cstring>

#include "backends/onednn/skinny_sides.h"

namespace gptc::onednn::GPTC_SKINNY_NAMESPACE {

/// Columns that few rows walk together lie far apart, each in a stream of its own: a few long
/// streams are what the processor sees coming.
constexpr std::size_t most_streams = 4;
constexpr std::size_t block_rows = 4;

/// kRows x kWalked chains over k, of channels `apart` from each other.
template <class Form, std::size_t kRows, std::size_t kWalked>
GPTC_SKINNY __attribute__((always_inline)) inline void chain(
    const Sides& at, typename Form::Lanes::Vec (&sums)[kRows][kWalked]) {
  using Lanes = typename Form::Lanes;
  for (auto& row : sums)
    for (auto& value : row) value = Lanes::zero();
  std::size_t k = 0;
  for (; k + Form::step <= at.inner; k += Form::step)
    Form::template add<kRows, kWalked>(at, k, Form::step, sums);
  if (k < at.inner) Form::template add<kRows, kWalked>(at, k, at.inner - k, sums);
  if constexpr (Form::sums_integers) {
    for (auto& row : sums)
      for (auto& value : row) value = Lanes::from_integers(value);
  }
}

/// kColumns channels: some of each stream, or one alone.
template <class Form, std::size_t kRows, std::size_t kColumns>
GPTC_SKINNY void block(Sides at, float* sums) {
  using Lanes = typename Form::Lanes;
  constexpr std::size_t together = std::min(kColumns, most_streams);
  constexpr std::size_t each = kColumns / together;
  typename Lanes::Vec lanes[Lanes::in_flight];
  for (std::size_t i = kRows * kColumns; i < Lanes::in_flight; ++i) lanes[i] = Lanes::zero();
  for (std::size_t i = 0; i < each; ++i) {
    typename Lanes::Vec made[kRows][together];
    chain<Form, kRows, together>(at, made);
    for (std::size_t r = 0; r < kRows; ++r)
      for (std::size_t c = 0; c < together; ++c) lanes[r * kColumns + c * each + i] = made[r][c];
    at.skip(1);
  }
  float all[Lanes::in_flight];
  Lanes::fold_all(lanes, all);
  for (std::size_t r = 0; r < kRows; ++r)
    for (std::size_t c = 0; c < together; ++c)
      std::memcpy(sums + r * SkinnyProblem::widest + c * at.apart, all + r * kColumns + c * each,
                  each * sizeof(float));
}

/// kRows rows from `row` on. The channels are read once: each stream is a part of them, and what
/// does not divide comes last.
template <class Form, std::size_t kRows>
GPTC_SKINNY void in_streams(Sides at, const SkinnyTile& tile, std::size_t row, float* sums) {
  constexpr std::size_t columns = Form::Lanes::in_flight / kRows;
  constexpr std::size_t streams = std::min(columns, most_streams);
  constexpr std::size_t each = columns / streams;
  at.x += row * at.x_stride;
  sums += row * SkinnyProblem::widest;
  at.apart = tile.columns / columns * each;
  at.ahead = {far_ahead};
  for (std::size_t column = 0; column < at.apart; column += each) {
    block<Form, kRows, columns>(at, sums + column);
    at.skip(each);
  }
  at.skip((streams - 1) * at.apart);
  for (std::size_t column = streams * at.apart; column < tile.columns; ++column) {
    block<Form, kRows, 1>(at, sums + column);
    at.skip(1);
  }
}

/// The first `rows`, a multiple of four. Neighbouring channels, which stand in the first-level
/// cache with x, meet all rows before the next, of which every four rows fetch a part.
template <class Form>
GPTC_SKINNY void in_blocks(Sides at, const SkinnyTile& tile, std::size_t rows, float* sums) {
  constexpr std::size_t neighbours = Form::Lanes::in_flight / block_rows;
  const std::size_t times = std::bit_floor(rows / block_rows);
  const std::byte* x = at.x;
  at.apart = 1;
  at.ahead.shift = static_cast<unsigned>(std::countr_zero(times));
  const auto all_rows = [&]<std::size_t kColumns>(std::size_t column) GPTC_SKINNY {
    for (std::size_t row = 0; row < rows; row += block_rows) {
      at.x = x + row * at.x_stride;
      at.ahead.bytes = at.channel * (neighbours * times + row / block_rows) / times;
      block<Form, block_rows, kColumns>(at, sums + row * SkinnyProblem::widest + column);
    }
    at.skip(kColumns);
  };
  std::size_t column = 0;
  for (; column + neighbours <= tile.columns; column += neighbours)
    all_rows.template operator()<neighbours>(column);
  for (; column < tile.columns; ++column) all_rows.template operator()<1>(column);
}

template <class Form>
GPTC_SKINNY void multiply(Sides at, const SkinnyTile& tile, float* sums) {
  at.skip(tile.first_column);
  const std::size_t fours = tile.rows / 4 * 4;
  const std::size_t twos = tile.rows / 2 * 2;
  if (fours > 4) in_blocks<Form>(at, tile, fours, sums);
  if (fours == 4) in_streams<Form, 4>(at, tile, 0, sums);
  if (twos > fours) in_streams<Form, 2>(at, tile, fours, sums);
  if (tile.rows > twos) in_streams<Form, 1>(at, tile, twos, sums);
}

}  // namespace gptc::onednn::GPTC_SKINNY_NAMESPACE

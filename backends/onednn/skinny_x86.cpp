// Skinny products by the processor's own instructions for bf16 pairs and 16-bit integers. All forms
// keep 16 sums in flight, of 1 x 16, 2 x 8 or 4 x 4 rows and columns, each a chain over k in every
// lane; lanes are added up at the end.
#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "backends/onednn/bf16_dot.h"
#include "backends/onednn/skinny.h"
#include "ir/check.h"

#if defined(__x86_64__)
#include "backends/onednn/skinny_forms_x86.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace gptc::onednn {

#if defined(__x86_64__)
namespace {

constexpr std::size_t sums_in_flight = 16;

bool has_integer_dot() {
  static const bool has = __builtin_cpu_supports("avx512vnni") != 0 && has_bf16_dot();
  return has;
}

/// [a b a b ...] of sums of neighbours: a's and b's halves, added.
GPTC_INLINE __m512 fold_pairs(__m512 a, __m512 b) {
  return _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
}
GPTC_INLINE __m512 fold_quads(__m512 a, __m512 b) {
  const __m512d low = _mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b));
  const __m512d high = _mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b));
  return _mm512_add_ps(_mm512_castpd_ps(low), _mm512_castpd_ps(high));
}
/// Lane i is the sum of the lanes of v[i].
GPTC_INLINE __m512 fold_all(const __m512* v) {
  __m512 quad[4];
  for (int i = 0; i < 4; ++i)
    quad[i] =
        fold_quads(fold_pairs(v[4 * i], v[4 * i + 1]), fold_pairs(v[4 * i + 2], v[4 * i + 3]));
  // Each quad has its four sums in four parts, one a block of 128 bits.
  const __m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4(quad[0], quad[1], 0x88),
                                  _mm512_shuffle_f32x4(quad[0], quad[1], 0xdd));
  const __m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4(quad[2], quad[3], 0x88),
                                  _mm512_shuffle_f32x4(quad[2], quad[3], 0xdd));
  return _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
}

/// Columns that are walked together lie far apart, each in a stream of its own: a few long streams
/// are what the processor sees coming. The sums of 16 / kRows columns are folded at once.
constexpr std::size_t streams = 4;

/// kRows x kWalked chains over k, of channels `apart` from each other.
template <class Form, std::size_t kRows, std::size_t kWalked>
GPTC_INLINE void chain(const Sides& at, __m512 (&sums)[kRows][kWalked]) {
  for (auto& row : sums)
    for (__m512& value : row) value = _mm512_setzero_ps();
  std::size_t k = 0;
  for (; k + Form::step <= at.inner; k += Form::step)
    Form::template add<kRows, kWalked>(at, k, Form::step, sums);
  if (k < at.inner) Form::template add<kRows, kWalked>(at, k, at.inner - k, sums);
  if constexpr (std::is_same_v<Form, Bytes>) {
    for (auto& row : sums)
      for (__m512& value : row) value = _mm512_cvtepi32_ps(_mm512_castps_si512(value));
  }
}

/// kColumns channels: some of each stream, or one alone.
template <class Form, std::size_t kRows, std::size_t kColumns>
GPTC_AVX512 void block(Sides at, float* sums) {
  constexpr std::size_t together = std::min(kColumns, streams);
  constexpr std::size_t each = kColumns / together;
  __m512 lanes[sums_in_flight];
  for (__m512& value : lanes) value = _mm512_setzero_ps();
  for (std::size_t i = 0; i < each; ++i) {
    __m512 made[kRows][together];
    chain<Form, kRows, together>(at, made);
    for (std::size_t r = 0; r < kRows; ++r)
      for (std::size_t c = 0; c < together; ++c) lanes[r * kColumns + c * each + i] = made[r][c];
    at.skip(1);
  }
  float all[sums_in_flight];
  _mm512_storeu_ps(all, fold_all(lanes));
  for (std::size_t r = 0; r < kRows; ++r)
    for (std::size_t c = 0; c < together; ++c)
      std::memcpy(sums + r * SkinnyProblem::widest + c * at.apart, all + r * kColumns + c * each,
                  each * sizeof(float));
}

/// kRows rows from `row` on. The channels are read once: each stream is a part of them, and what
/// does not divide comes last.
template <class Form, std::size_t kRows>
GPTC_AVX512 void in_streams(Sides at, const SkinnyTile& tile, std::size_t row, float* sums) {
  constexpr std::size_t columns = sums_in_flight / kRows;
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
GPTC_AVX512 void in_blocks(Sides at, const SkinnyTile& tile, std::size_t rows, float* sums) {
  constexpr std::size_t four = 4;
  const std::size_t times = std::bit_floor(rows / four);
  const std::byte* x = at.x;
  at.apart = 1;
  at.ahead.shift = static_cast<unsigned>(std::countr_zero(times));
  const auto all_rows = [&]<std::size_t kColumns>(std::size_t column) GPTC_AVX512 {
    for (std::size_t row = 0; row < rows; row += four) {
      at.x = x + row * at.x_stride;
      at.ahead.bytes = at.channel * (four * times + row / four) / times;
      block<Form, four, kColumns>(at, sums + row * SkinnyProblem::widest + column);
    }
    at.skip(kColumns);
  };
  std::size_t column = 0;
  for (; column + four <= tile.columns; column += four) all_rows.template operator()<four>(column);
  for (; column < tile.columns; ++column) all_rows.template operator()<1>(column);
}

template <class Form>
GPTC_AVX512 void multiply(Sides at, const SkinnyTile& tile, float* sums) {
  at.skip(tile.first_column);
  const std::size_t fours = tile.rows / 4 * 4;
  const std::size_t twos = tile.rows / 2 * 2;
  if (fours > 4) in_blocks<Form>(at, tile, fours, sums);
  if (fours == 4) in_streams<Form, 4>(at, tile, 0, sums);
  if (twos > fours) in_streams<Form, 2>(at, tile, fours, sums);
  if (tile.rows > twos) in_streams<Form, 1>(at, tile, twos, sums);
}

Sides sides_of(const SkinnyProblem& problem, const std::byte* x, std::size_t x_stride) {
  return {.x = x,
          .x_stride = x_stride,
          .w = problem.w,
          .inner = problem.inner,
          .channel = problem.channel_bytes(),
          .scales = problem.scales};
}

}  // namespace

SkinnyUnit skinny_unit(const SkinnyProblem& problem) {
  if (problem.form == WeightForm::bf16 && problem.x_is_bf16 && has_bf16_dot())
    return SkinnyUnit::bf16_pairs;
  if (!has_integer_dot()) return SkinnyUnit::portable;
  if (problem.form == WeightForm::f32) return SkinnyUnit::f32;
  return problem.form == WeightForm::bf16 ? SkinnyUnit::portable : SkinnyUnit::integers;
}

void multiply_floats(const SkinnyProblem& problem, const SkinnyTile& tile, const float* x,
                     float* sums) {
  multiply<Floats>(sides_of(problem, reinterpret_cast<const std::byte*>(x), problem.inner * 4),
                   tile, sums);
}

void multiply_pairs(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums) {
  const std::size_t row = problem.x_row();
  multiply<Pairs>(sides_of(problem, problem.x + tile.first_row * row, row), tile, sums);
}

void multiply_integers(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums) {
  const RoundedRow row(problem);
  const std::byte* x = problem.rounded + tile.first_row * row.bytes();
  if (problem.form == WeightForm::i8) {
    multiply<Bytes>(sides_of(problem, x, row.bytes()), tile, sums);
  } else {
    multiply<Halves>(sides_of(problem, x, row.bytes()), tile, sums);
  }
  for (std::size_t r = 0; r < tile.rows; ++r) {
    float scale = 0;
    std::memcpy(&scale, x + r * row.bytes() + row.values, sizeof(scale));
    float* sum = sums + r * SkinnyProblem::widest;
    for (std::size_t column = 0; column < tile.columns; ++column) sum[column] *= scale;
  }
}

#pragma GCC diagnostic pop

#else

SkinnyUnit skinny_unit(const SkinnyProblem&) { return SkinnyUnit::portable; }
void multiply_floats(const SkinnyProblem&, const SkinnyTile&, const float*, float*) {
  ir::internal_error("this processor has no vectors of 512 bits");
}
void multiply_pairs(const SkinnyProblem&, const SkinnyTile&, float*) {
  ir::internal_error("this processor does not multiply bf16");
}
void multiply_integers(const SkinnyProblem&, const SkinnyTile&, float*) {
  ir::internal_error("this processor does not multiply 16-bit integers");
}
#endif

}  // namespace gptc::onednn

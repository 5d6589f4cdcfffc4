// The form of skinny products in which both sides are bf16 and the processor multiplies pairs.
#include <algorithm>
#include <cstring>

#include "backends/onednn/skinny.h"
#include "ir/check.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace gptc::onednn {

#if defined(__x86_64__)
namespace {

#define GPTC_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

constexpr std::size_t lanes = 16;
constexpr std::size_t unit = 32;  // columns, or values of a row, in one register
constexpr std::size_t ahead = 12;

/// Which of a unit's values there are.
GPTC_BF16 inline __mmask32 first_of(std::size_t count) {
  return count >= unit ? ~__mmask32{0} : (__mmask32{1} << count) - 1;
}

struct PairBlock {
  const SkinnyProblem& problem;
  const std::uint16_t* x;  // the first row
  std::size_t column;      // in w
  std::size_t end;         // of the panel
  float* sums;

  const std::uint16_t* w() const { return reinterpret_cast<const std::uint16_t*>(problem.w); }
};

/// The pair (k, k + 1) of a row of x; behind the last value stands 0.
inline int pair_of(const std::uint16_t* x, std::size_t k, std::size_t inner) {
  std::uint32_t pair = 0;
  std::memcpy(&pair, x + k, k + 1 < inner ? 4 : 2);
  return static_cast<int>(pair);
}

/// kRows x (kUnits units of columns) of w [K,N]: rows k and k + 1 are woven into pairs.
template <std::size_t kRows, std::size_t kUnits>
GPTC_BF16 inline void sum_columns(const PairBlock& at) {
  const __m512i low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8,
                                       39, 7, 38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(lanes));
  const std::size_t inner = at.problem.inner;
  const std::size_t columns = at.problem.columns;
  __m512 sum[kRows][2 * kUnits];
  for (auto& row : sum)
    for (auto& value : row) value = _mm512_setzero_ps();
  __mmask32 there[kUnits];
  for (std::size_t u = 0; u < kUnits; ++u) there[u] = first_of(at.end - at.column - u * unit);
  for (std::size_t k = 0; k < inner; k += 2) {
    const std::uint16_t* row = at.w() + k * columns + at.column;
    const bool paired = k + 1 < inner;
    const std::size_t later = std::min(ahead, inner - 1 - k) * columns;
    for (std::size_t u = 0; u < kUnits; ++u) {
      _mm_prefetch(reinterpret_cast<const char*>(row + later + u * unit), _MM_HINT_T0);
      if (paired && k + ahead + 1 < inner)
        _mm_prefetch(reinterpret_cast<const char*>(row + later + columns + u * unit), _MM_HINT_T0);
    }
    __m512bh w[2 * kUnits];
    for (std::size_t u = 0; u < kUnits; ++u) {
      const __m512i even = _mm512_maskz_loadu_epi16(there[u], row + u * unit);
      const __m512i odd = paired ? _mm512_maskz_loadu_epi16(there[u], row + columns + u * unit)
                                 : _mm512_setzero_si512();
      w[2 * u] = reinterpret_cast<__m512bh>(_mm512_permutex2var_epi16(even, low, odd));
      w[2 * u + 1] = reinterpret_cast<__m512bh>(_mm512_permutex2var_epi16(even, high, odd));
    }
    for (std::size_t r = 0; r < kRows; ++r) {
      const auto x =
          reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair_of(at.x + r * inner, k, inner)));
      for (std::size_t v = 0; v < 2 * kUnits; ++v) sum[r][v] = _mm512_dpbf16_ps(sum[r][v], x, w[v]);
    }
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    float* sums = at.sums + r * SkinnyProblem::panel;
    for (std::size_t u = 0; u < kUnits; ++u) {
      const auto low_mask = static_cast<__mmask16>(there[u]);
      const auto high_mask = static_cast<__mmask16>(there[u] >> lanes);
      _mm512_mask_storeu_ps(sums + u * unit, low_mask, sum[r][2 * u]);
      _mm512_mask_storeu_ps(sums + u * unit + lanes, high_mask, sum[r][2 * u + 1]);
    }
  }
}

GPTC_BF16 inline float sum_of(__m512 values) {
  float all[lanes];
  _mm512_storeu_ps(all, values);
  for (std::size_t half = lanes / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) all[i] += all[half + i];
  return all[0];
}

/// kRows x kColumns of w [N,K]: pairs lie side by side in both.
template <std::size_t kRows, std::size_t kColumns>
GPTC_BF16 inline void dot_rows(const PairBlock& at) {
  const std::size_t inner = at.problem.inner;
  __m512 sum[kRows][kColumns];
  for (auto& row : sum)
    for (auto& value : row) value = _mm512_setzero_ps();
  const auto step = [&](std::size_t k, __mmask32 there) GPTC_BF16 {
    __m512bh w[kColumns];
    for (std::size_t c = 0; c < kColumns; ++c)
      w[c] = reinterpret_cast<__m512bh>(
          _mm512_maskz_loadu_epi16(there, at.w() + (at.column + c) * inner + k));
    for (std::size_t r = 0; r < kRows; ++r) {
      const auto x =
          reinterpret_cast<__m512bh>(_mm512_maskz_loadu_epi16(there, at.x + r * inner + k));
      for (std::size_t c = 0; c < kColumns; ++c) sum[r][c] = _mm512_dpbf16_ps(sum[r][c], x, w[c]);
    }
  };
  std::size_t k = 0;
  for (; k + unit <= inner; k += unit) step(k, ~__mmask32{0});
  if (k < inner) step(k, first_of(inner - k));
  for (std::size_t r = 0; r < kRows; ++r)
    for (std::size_t c = 0; c < kColumns; ++c)
      at.sums[r * SkinnyProblem::panel + c] = sum_of(sum[r][c]);
}

/// `block` with kRows rows at a time, then one.
template <std::size_t kRows, class Many, class One>
GPTC_BF16 inline void all_rows(PairBlock at, std::size_t rows, const Many& many, const One& one) {
  std::size_t row = 0;
  const auto advance = [&](std::size_t by) {
    row += by;
    at.x += by * at.problem.inner;
    at.sums += by * SkinnyProblem::panel;
  };
  for (; row + kRows <= rows; advance(kRows)) many(at);
  for (; row < rows; advance(1)) one(at);
}

}  // namespace

GPTC_BF16 void multiply_pairs(const SkinnyProblem& problem, const SkinnyTile& tile, float* sums) {
  const auto* x =
      reinterpret_cast<const std::uint16_t*>(problem.x) + tile.first_row * problem.inner;
  std::size_t column = tile.first_column;
  const std::size_t end = column + tile.columns;
  const auto block = [&] {
    return PairBlock{problem, x, column, end, sums + (column - tile.first_column)};
  };
  if (problem.transposed) {
    for (; column + 4 <= end; column += 4)
      all_rows<4>(block(), tile.rows, dot_rows<4, 4>, dot_rows<1, 4>);
    for (; column < end; ++column) all_rows<4>(block(), tile.rows, dot_rows<4, 1>, dot_rows<1, 1>);
    return;
  }
  if (tile.rows == 1) {
    for (; column + 3 * unit < end; column += 4 * unit) sum_columns<1, 4>(block());
  }
  for (; column < end; column += unit)
    all_rows<8>(block(), tile.rows, sum_columns<8, 1>, sum_columns<1, 1>);
}

#else

void multiply_pairs(const SkinnyProblem&, const SkinnyTile&, float*) {
  ir::internal_error("this processor does not multiply bf16");
}

#endif

}  // namespace gptc::onednn

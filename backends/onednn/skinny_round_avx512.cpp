// Rows of x as integers, in the order in which AVX-512 multiplies them with i8 and i4.
#include <algorithm>
#include <cmath>

#include "backends/onednn/round_up.h"
#include "backends/onednn/skinny_kernels.h"
#include "ir/check.h"

#if defined(__x86_64__)
#include "backends/onednn/skinny_forms_avx512.h"
#endif

namespace gptc::onednn::avx512 {

#if defined(__x86_64__)
namespace {

constexpr std::size_t lanes = 16;

GPTC_INLINE __m512 load(const float* x, std::size_t k, std::size_t inner) {
  const std::size_t there = k < inner ? inner - k : 0;
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>(first_of(there)), x + k);
}

GPTC_AVX512 float largest_value(const float* x, std::size_t inner) {
  __m512 extreme = _mm512_setzero_ps();
  for (std::size_t k = 0; k < inner; k += lanes)
    extreme = _mm512_max_ps(extreme, _mm512_abs_ps(load(x, k, inner)));
  float all[lanes];
  _mm512_storeu_ps(all, extreme);
  return *std::max_element(all, all + lanes);
}

/// The largest number whose products with i8 overflow 32 bits in no lane when `inner` are summed.
float largest_with_i8(std::size_t inner) {
  constexpr double most = 2147483647.0;
  const double products = 2 * std::ceil(static_cast<double>(inner) / Bytes::step);
  return static_cast<float>(std::min(32767.0, std::floor(most / (128 * products))));
}

/// The largest number that is 256 high + low with bytes from -128 to 127.
constexpr float largest_of_two_bytes = 127 * 256 + 127;

/// 16 values from k on, times `up`, as integers of 16 bits.
GPTC_INLINE __m256i integers(const float* x, std::size_t k, std::size_t inner, float up) {
  const __m512 scaled = _mm512_mul_ps(load(x, k, inner), _mm512_set1_ps(up));
  return _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(scaled));
}

GPTC_AVX512 void round_in_order(const float* x, std::size_t inner, float up, std::byte* to) {
  for (std::size_t k = 0; k < round_up(inner, Bytes::step); k += lanes)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + k * 2), integers(x, k, inner, up));
}

/// Half a group by bytes; returns the sums of each four values.
GPTC_INLINE __m128i put_bytes(__m256i values, std::int8_t* high, std::int8_t* low) {
  const __m256i rounding = _mm256_set1_epi16(128);
  const __m128i highs =
      _mm256_cvtepi16_epi8(_mm256_srai_epi16(_mm256_add_epi16(values, rounding), 8));
  const __m128i lows = _mm256_cvtepi16_epi8(values);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(high), highs);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(low), lows);
  const __m128i ones = _mm_set1_epi8(1);
  const __m128i sums = _mm_dpbusd_epi32(_mm_setzero_si128(), ones, highs);
  return _mm_dpbusd_epi32(_mm_slli_epi32(sums, 8), ones, lows);
}

GPTC_AVX512 void round_by_halves(const float* x, std::size_t inner, float up, std::byte* to) {
  constexpr std::size_t half = i4_group / 2;
  for (std::size_t k = 0; k < round_up(inner, Halves::step); k += i4_group) {
    auto* block = reinterpret_cast<HalvesBlock*>(to + k / Halves::step * sizeof(HalvesBlock));
    const std::size_t at = k % Halves::step / 2;
    const __m128i first =
        put_bytes(integers(x, k, inner, up), block->first_high + at, block->first_low + at);
    const __m128i second = put_bytes(integers(x, k + half, inner, up), block->second_high + at,
                                     block->second_low + at);
    const __m128i eights = _mm_slli_epi32(_mm_add_epi32(first, second), 3);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(block->eights + at / 4),
                     _mm_sub_epi32(_mm_setzero_si128(), eights));
  }
}

}  // namespace

std::size_t rounded_bytes(const SkinnyProblem& problem) {
  return problem.form == WeightForm::i8
             ? round_up(problem.inner, 2 * Bytes::step) * sizeof(std::int16_t)
             : round_up(problem.inner, Halves::step) / Halves::step * sizeof(HalvesBlock);
}

float round_row(const SkinnyProblem& problem, const float* x, std::byte* to) {
  const bool bytes = problem.form == WeightForm::i8;
  const float most = largest_value(x, problem.inner);
  const float largest = bytes ? largest_with_i8(problem.inner) : largest_of_two_bytes;
  const float up = most > 0 ? largest / most : 0;
  if (bytes) {
    round_in_order(x, problem.inner, up, to);
  } else {
    round_by_halves(x, problem.inner, up, to);
  }
  return most / largest;
}

#else

std::size_t rounded_bytes(const SkinnyProblem&) { return 0; }
float round_row(const SkinnyProblem&, const float*, std::byte*) {
  ir::internal_error("this processor does not multiply 16-bit integers");
}

#endif

}  // namespace gptc::onednn::avx512

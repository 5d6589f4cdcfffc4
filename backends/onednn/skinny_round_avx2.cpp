// Rows of x as integers of 16 bits, in their order, as AVX2 multiplies them with i8 and i4.
#include <algorithm>
#include <cmath>

#include "backends/onednn/round_up.h"
#include "backends/onednn/skinny_kernels.h"
#include "ir/check.h"

#if defined(__x86_64__)
#include "backends/onednn/skinny_forms_avx2.h"
#endif

namespace gptc::onednn::avx2 {

#if defined(__x86_64__)
namespace {

constexpr std::size_t lanes = 8;

GPTC_INLINE2 __m256 load(const float* x, std::size_t k, std::size_t inner) {
  return _mm256_castsi256_ps(load_bytes(reinterpret_cast<const std::byte*>(x + std::min(k, inner)),
                                        left_of(inner, k) * 4));
}

GPTC_AVX2 float largest_value(const float* x, std::size_t inner) {
  const __m256 sign = _mm256_set1_ps(-0.F);
  __m256 extreme = _mm256_setzero_ps();
  for (std::size_t k = 0; k < inner; k += lanes)
    extreme = _mm256_max_ps(extreme, _mm256_andnot_ps(sign, load(x, k, inner)));
  float all[lanes];
  _mm256_storeu_ps(all, extreme);
  return *std::max_element(all, all + lanes);
}

/// The largest number whose products with i8 overflow 32 bits in no lane when `inner` are summed;
/// with i4 32 of them at most.
float largest_with(WeightForm form, std::size_t inner) {
  constexpr double most = 2147483647.0;
  constexpr double of_sixteen_bits = 32767;
  if (form == WeightForm::i4) return of_sixteen_bits;
  const double products = 2 * std::ceil(static_cast<double>(inner) / Bytes::vector);
  return static_cast<float>(std::min(of_sixteen_bits, std::floor(most / (128 * products))));
}

GPTC_INLINE2 __m256i integers(const float* x, std::size_t k, std::size_t inner, float up) {
  return _mm256_cvtps_epi32(_mm256_mul_ps(load(x, k, inner), _mm256_set1_ps(up)));
}

GPTC_AVX2 void round_in_order(const float* x, std::size_t inner, float up, std::byte* to) {
  for (std::size_t k = 0; k < round_up(inner, Bytes::step); k += 2 * lanes) {
    // Packed by halves of the vectors: quarters 1 and 2 change places.
    const __m256i packed =
        _mm256_packs_epi32(integers(x, k, inner, up), integers(x, k + lanes, inner, up));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + k * 2),
                        _mm256_permute4x64_epi64(packed, 0xd8));
  }
}

}  // namespace

std::size_t rounded_bytes(const SkinnyProblem& problem) {
  return round_up(problem.inner, Bytes::step) * sizeof(std::int16_t);
}

float round_row(const SkinnyProblem& problem, const float* x, std::byte* to) {
  const float most = largest_value(x, problem.inner);
  const float largest = largest_with(problem.form, problem.inner);
  round_in_order(x, problem.inner, most > 0 ? largest / most : 0, to);
  return most / largest;
}

#else

std::size_t rounded_bytes(const SkinnyProblem&) { return 0; }
float round_row(const SkinnyProblem&, const float*, std::byte*) {
  ir::internal_error("this processor has no vectors of 256 bits");
}

#endif

}  // namespace gptc::onednn::avx2

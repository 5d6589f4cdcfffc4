#include "backends/onednn/bf16_dot.h"

#include <cstddef>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace gptc::onednn {

#if defined(__x86_64__)

bool has_bf16_dot() {
  static const bool has =
      __builtin_cpu_supports("avx512bf16") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  return has;
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) double bf16_dot_loop(
    long iterations, float* sink) {
  constexpr std::size_t chains = 12;
  constexpr double pairs = 32;  // products of one instruction
  __m512 acc[chains];
  for (auto& a : acc) a = _mm512_set1_ps(sink[0]);
  const auto x = _mm512_cvtne2ps_pbh(_mm512_set1_ps(sink[1]), _mm512_set1_ps(sink[1]));
  const auto y = _mm512_cvtne2ps_pbh(_mm512_set1_ps(sink[2]), _mm512_set1_ps(-sink[2]));
  for (long i = 0; i < iterations; ++i)
    for (auto& a : acc) a = _mm512_dpbf16_ps(a, x, y);
  __m512 sum = acc[0];
  for (std::size_t i = 1; i < chains; ++i) sum = _mm512_add_ps(sum, acc[i]);
  sink[3] = _mm512_cvtss_f32(sum);
  return 2.0 * pairs * chains * static_cast<double>(iterations);
}

#else

bool has_bf16_dot() { return false; }
double bf16_dot_loop(long, float*) { return 0; }

#endif

}  // namespace gptc::onednn

// What skinny products by AVX-512 are made of: one step over k of some rows of x and some channels,
// for each form of the weights. Only for files that are built for x86.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "backends/onednn/skinny_sides.h"

// GCC's own headers read what they leave undefined on purpose.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#define GPTC_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni")))
#define GPTC_INLINE GPTC_AVX512 __attribute__((always_inline)) inline

namespace gptc::onednn::avx512 {

struct Lanes512 {
  using Vec = __m512;
  static constexpr std::size_t in_flight = 16;

  GPTC_INLINE static Vec zero() { return _mm512_setzero_ps(); }
  GPTC_INLINE static Vec from_integers(Vec sums) {
    return _mm512_cvtepi32_ps(_mm512_castps_si512(sums));
  }
  /// all[i] is the sum of the lanes of v[i].
  GPTC_INLINE static void fold_all(const Vec* v, float* all) {
    __m512 quad[4];
    for (int i = 0; i < 4; ++i)
      quad[i] =
          fold_quads(fold_pairs(v[4 * i], v[4 * i + 1]), fold_pairs(v[4 * i + 2], v[4 * i + 3]));
    // Each quad has its four sums in four parts, one a block of 128 bits.
    const __m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4(quad[0], quad[1], 0x88),
                                    _mm512_shuffle_f32x4(quad[0], quad[1], 0xdd));
    const __m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4(quad[2], quad[3], 0x88),
                                    _mm512_shuffle_f32x4(quad[2], quad[3], 0xdd));
    _mm512_storeu_ps(
        all, _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd)));
  }

 private:
  /// [a b a b ...] of sums of neighbours: a's and b's halves, added.
  GPTC_INLINE static __m512 fold_pairs(__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
  }
  GPTC_INLINE static __m512 fold_quads(__m512 a, __m512 b) {
    const __m512d low = _mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b));
    const __m512d high = _mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b));
    return _mm512_add_ps(_mm512_castpd_ps(low), _mm512_castpd_ps(high));
  }
};

/// A mask of the first `count` of up to 64.
GPTC_INLINE __mmask64 first_of(std::size_t count) {
  return count >= 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
}

/// Each form's `add` adds what `step` values from k on give to sums, of which there are `there`.
struct Floats {
  using Lanes = Lanes512;
  static constexpr bool sums_integers = false;
  static constexpr std::size_t step = 16;

  template <std::size_t kRows, std::size_t kColumns>
  GPTC_INLINE static void add(const Sides& at, std::size_t k, std::size_t there,
                              __m512 (&sums)[kRows][kColumns]) {
    const auto mask = static_cast<__mmask16>(first_of(there));
    __m512 left[kRows];
    for (std::size_t r = 0; r < kRows; ++r)
      left[r] = _mm512_maskz_loadu_ps(mask, at.x + r * at.x_stride + k * 4);
    for (std::size_t c = 0; c < kColumns; ++c) {
      const std::byte* w = at.w + c * at.apart * at.channel;
      at.ahead.fetch(w, k * 4);
      const __m512 right = _mm512_maskz_loadu_ps(mask, w + k * 4);
      for (std::size_t r = 0; r < kRows; ++r)
        sums[r][c] = _mm512_fmadd_ps(left[r], right, sums[r][c]);
    }
  }
};

struct Pairs {
  using Lanes = Lanes512;
  static constexpr bool sums_integers = false;
  static constexpr std::size_t step = 32;

  template <std::size_t kRows, std::size_t kColumns>
  GPTC_INLINE static void add(const Sides& at, std::size_t k, std::size_t there,
                              __m512 (&sums)[kRows][kColumns]) {
    const auto mask = static_cast<__mmask32>(first_of(there));
    __m512bh left[kRows];
    for (std::size_t r = 0; r < kRows; ++r)
      left[r] = reinterpret_cast<__m512bh>(
          _mm512_maskz_loadu_epi16(mask, at.x + r * at.x_stride + k * 2));
    for (std::size_t c = 0; c < kColumns; ++c) {
      const std::byte* w = at.w + c * at.apart * at.channel;
      at.ahead.fetch(w, k * 2);
      const auto right = reinterpret_cast<__m512bh>(_mm512_maskz_loadu_epi16(mask, w + k * 2));
      for (std::size_t r = 0; r < kRows; ++r)
        sums[r][c] = _mm512_dpbf16_ps(sums[r][c], left[r], right);
    }
  }
};

/// x is 16-bit integers. Sums are integers until the end.
struct Bytes {
  using Lanes = Lanes512;
  static constexpr bool sums_integers = true;
  static constexpr std::size_t step = 32;

  template <std::size_t kRows, std::size_t kColumns>
  GPTC_INLINE static void add(const Sides& at, std::size_t k, std::size_t there,
                              __m512 (&sums)[kRows][kColumns]) {
    const auto mask = static_cast<__mmask32>(first_of(there));
    __m512i left[kRows];
    for (std::size_t r = 0; r < kRows; ++r)
      left[r] = _mm512_loadu_si512(at.x + r * at.x_stride + k * 2);
    for (std::size_t c = 0; c < kColumns; ++c) {
      const std::byte* w = at.w + c * at.apart * at.channel;
      if (k % (2 * step) == 0) at.ahead.fetch(w, k);
      const __m512i right = _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, w + k));
      for (std::size_t r = 0; r < kRows; ++r)
        sums[r][c] = _mm512_castsi512_ps(
            _mm512_dpwssd_epi32(_mm512_castps_si512(sums[r][c]), left[r], right));
    }
  }
};

/// x of Halves: integers by bytes in the order of the halves of w's bytes, four groups together.
struct HalvesBlock {
  std::int8_t first_high[64];
  std::int8_t first_low[64];
  std::int8_t second_high[64];
  std::int8_t second_low[64];
  std::int32_t eights[16];  // -8 Σ x of each lane
};

/// Four groups at a time. With u = w + 8, which is not negative, and x = 256 high + low, both
/// bytes: Σ w x = 256 Σ u high + Σ u low - 8 Σ x, four products of bytes in a lane at once. A row
/// of x is some HalvesBlocks.
struct Halves {
  using Lanes = Lanes512;
  static constexpr bool sums_integers = false;
  static constexpr std::size_t step = 4 * i4_group;

  template <std::size_t kRows, std::size_t kColumns>
  GPTC_INLINE static void add(const Sides& at, std::size_t k, std::size_t there,
                              __m512 (&sums)[kRows][kColumns]) {
    const __mmask64 mask = first_of(there / 2);
    const auto groups = static_cast<__mmask8>(first_of(std::min(there, step) / i4_group));
    const __m512i low = _mm512_set1_epi8(0x0f);
    const __m512i eights = _mm512_set1_epi8(8);
    const __m512i of_group = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    for (std::size_t c = 0; c < kColumns; ++c) {
      const std::byte* w = at.w + c * at.apart * at.channel;
      const float* scales = at.scales + (c * at.apart * at.inner + k) / i4_group;
      at.ahead.fetch(w, k / 2);
      if (k % (4 * step) == 0)
        Ahead{far_ahead}.fetch(reinterpret_cast<const std::byte*>(scales), 0);
      const __m512i both = _mm512_maskz_loadu_epi8(mask, w + k / 2);
      constexpr int xor_and = 0x78;  // a ^ (b & c)
      const __m512i first = _mm512_ternarylogic_epi32(eights, both, low, xor_and);
      const __m512i second =
          _mm512_ternarylogic_epi32(eights, _mm512_srli_epi16(both, 4), low, xor_and);
      const __m512 scale = _mm512_permutexvar_ps(
          of_group, _mm512_castps128_ps512(_mm_maskz_loadu_ps(groups, scales)));
      for (std::size_t r = 0; r < kRows; ++r) {
        const auto* x = reinterpret_cast<const HalvesBlock*>(at.x + r * at.x_stride) + k / step;
        __m512i high =
            _mm512_dpbusd_epi32(_mm512_setzero_si512(), first, _mm512_loadu_si512(x->first_high));
        high = _mm512_dpbusd_epi32(high, second, _mm512_loadu_si512(x->second_high));
        __m512i sum = _mm512_dpbusd_epi32(_mm512_loadu_si512(x->eights), first,
                                          _mm512_loadu_si512(x->first_low));
        sum = _mm512_dpbusd_epi32(sum, second, _mm512_loadu_si512(x->second_low));
        sum = _mm512_add_epi32(sum, _mm512_slli_epi32(high, 8));
        sums[r][c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, sums[r][c]);
      }
    }
  }
};

}  // namespace gptc::onednn::avx512

#pragma GCC diagnostic pop

// What skinny products by AVX2 are made of: one step over k of some rows of x and some channels,
// for each form of the weights. Only for files that are built for x86.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "backends/onednn/skinny_sides.h"

#define GPTC_AVX2 __attribute__((target("avx2,fma")))
#define GPTC_INLINE2 GPTC_AVX2 __attribute__((always_inline)) inline

namespace gptc::onednn::avx2 {

struct Lanes256 {
  using Vec = __m256;
  static constexpr std::size_t in_flight = 8;

  GPTC_INLINE2 static Vec zero() { return _mm256_setzero_ps(); }
  GPTC_INLINE2 static Vec from_integers(Vec sums) {
    return _mm256_cvtepi32_ps(_mm256_castps_si256(sums));
  }
  /// all[i] is the sum of the lanes of v[i].
  GPTC_INLINE2 static void fold_all(const Vec* v, float* all) {
    // Of four vectors in either half.
    const __m256 low = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    const __m256 high = _mm256_hadd_ps(_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));
    _mm256_storeu_ps(all, _mm256_add_ps(_mm256_permute2f128_ps(low, high, 0x20),
                                        _mm256_permute2f128_ps(low, high, 0x31)));
  }
};

/// Up to 32 bytes, of which `there` are; zeros behind them.
GPTC_INLINE2 __m256i load_bytes(const std::byte* from, std::size_t there) {
  if (there >= sizeof(__m256i)) return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  alignas(__m256i) std::byte bytes[sizeof(__m256i)] = {};
  std::memcpy(bytes, from, there);
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes));
}
GPTC_INLINE2 __m128i load_half(const std::byte* from, std::size_t there) {
  if (there >= sizeof(__m128i)) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return _mm256_castsi256_si128(load_bytes(from, there));
}

/// Stays in a register here: the compiler would rather read factors again for every channel, and
/// add products to each other before sums.
template <class Vec>
GPTC_INLINE2 Vec kept(Vec value) {
  asm("" : "+x"(value));  // NOLINT(hicpp-no-assembler): no instruction
  return value;
}

/// to[j] has lane j of every vector: eight vectors turned.
GPTC_INLINE2 void turn(const __m256 (&v)[8], __m256 (&to)[8]) {
  __m256 pairs[8];
  for (std::size_t i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
  }
  __m256 fours[8];  // of lanes 0 and 4, 1 and 5, ...: first of v[0..3], then of v[4..7]
  for (std::size_t i = 0; i < 8; i += 4) {
    fours[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
    fours[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
    fours[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
    fours[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
  }
  for (std::size_t i = 0; i < 4; ++i) {
    to[i] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20);
    to[i + 4] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31);
  }
}

/// What is left of `there` behind `done`.
constexpr std::size_t left_of(std::size_t there, std::size_t done) {
  return there > done ? there - done : 0;
}

/// Vectors of floats against channels whose values `Weights` loads eight at a time. A step is a
/// line of w.
template <class Weights>
struct Wide {
  using Lanes = Lanes256;
  static constexpr bool sums_integers = false;
  static constexpr std::size_t width = Weights::bytes;
  static constexpr std::size_t step = 64 / width;
  static constexpr std::size_t vector = 8;

  // `add` adds what `step` values from k on give to sums, of which there are `there`.
  template <std::size_t kRows, std::size_t kColumns>
  GPTC_INLINE2 static void add(const Sides& at, std::size_t k, std::size_t there,
                               __m256 (&sums)[kRows][kColumns]) {
    for (std::size_t c = 0; c < kColumns; ++c)
      at.ahead.fetch(at.w + c * at.apart * at.channel, k * width);
#pragma GCC unroll 4
    for (std::size_t i = 0; i < step; i += vector) {
      const std::size_t values = left_of(there, i);
      if (values == 0) break;
      __m256 left[kRows];
      for (std::size_t r = 0; r < kRows; ++r)
        left[r] =
            kept(_mm256_castsi256_ps(load_bytes(at.x + r * at.x_stride + (k + i) * 4, values * 4)));
      for (std::size_t c = 0; c < kColumns; ++c) {
        const __m256 right =
            Weights::load(at.w + c * at.apart * at.channel + (k + i) * width, values);
        for (std::size_t r = 0; r < kRows; ++r)
          sums[r][c] = _mm256_fmadd_ps(left[r], right, sums[r][c]);
      }
    }
  }
};

struct FloatWeights {
  static constexpr std::size_t bytes = 4;
  GPTC_INLINE2 static __m256 load(const std::byte* w, std::size_t values) {
    return _mm256_castsi256_ps(load_bytes(w, values * bytes));
  }
};
struct NarrowWeights {
  static constexpr std::size_t bytes = 2;
  GPTC_INLINE2 static __m256 load(const std::byte* w, std::size_t values) {
    const __m256i words = _mm256_cvtepu16_epi32(load_half(w, values * bytes));
    return _mm256_castsi256_ps(_mm256_slli_epi32(words, 16));
  }
};

using Floats = Wide<FloatWeights>;
using Narrow = Wide<NarrowWeights>;

/// x is 16-bit integers, with zeros up to a whole step. Sums are integers until the end.
struct Bytes {
  using Lanes = Lanes256;
  static constexpr bool sums_integers = true;
  static constexpr std::size_t step = 64;
  static constexpr std::size_t vector = 16;

  template <std::size_t kRows, std::size_t kColumns>
  GPTC_INLINE2 static void add(const Sides& at, std::size_t k, std::size_t there,
                               __m256 (&sums)[kRows][kColumns]) {
    for (std::size_t c = 0; c < kColumns; ++c) at.ahead.fetch(at.w + c * at.apart * at.channel, k);
#pragma GCC unroll 4
    for (std::size_t i = 0; i < step; i += vector) {
      const std::size_t values = left_of(there, i);
      if (values == 0) break;
      __m256i left[kRows];
      for (std::size_t r = 0; r < kRows; ++r)
        left[r] = kept(load_bytes(at.x + r * at.x_stride + (k + i) * 2, sizeof(__m256i)));
      for (std::size_t c = 0; c < kColumns; ++c) {
        const std::byte* w = at.w + c * at.apart * at.channel + k + i;
        const __m256i right = _mm256_cvtepi8_epi16(load_half(w, values));
        for (std::size_t r = 0; r < kRows; ++r) {
          const __m256i sum = _mm256_castps_si256(sums[r][c]);
          sums[r][c] =
              kept(_mm256_castsi256_ps(_mm256_add_epi32(sum, _mm256_madd_epi16(left[r], right))));
        }
      }
    }
  }
};

/// x as for Bytes. A group's sum is an integer, then scaled.
struct Halves {
  using Lanes = Lanes256;
  static constexpr bool sums_integers = false;
  static constexpr std::size_t step = 4 * i4_group;

  template <std::size_t kRows, std::size_t kColumns>
  GPTC_INLINE2 static void add(const Sides& at, std::size_t k, std::size_t there,
                               __m256 (&sums)[kRows][kColumns]) {
    for (std::size_t c = 0; c < kColumns; ++c) {
      at.ahead.fetch(at.w + c * at.apart * at.channel, k / 2);
      if (k % (4 * step) == 0)
        Ahead{far_ahead}.fetch(reinterpret_cast<const std::byte*>(scales_of(at, c, k)), 0);
    }
#pragma GCC unroll 4
    for (std::size_t i = 0; i < step; i += i4_group) {
      if (i >= there) break;
      for (std::size_t c = 0; c < kColumns; ++c) {
        const std::byte* w = at.w + c * at.apart * at.channel + k / 2 + i / 2;
        const __m256i both = _mm256_cvtepi8_epi16(load_half(w, sizeof(__m128i)));
        const __m256i low = _mm256_srai_epi16(_mm256_slli_epi16(both, 12), 12);
        const __m256i high = _mm256_srai_epi16(both, 4);
        const __m256 scale = _mm256_broadcast_ss(scales_of(at, c, k) + i / i4_group);
        for (std::size_t r = 0; r < kRows; ++r) {
          const auto* x = reinterpret_cast<const __m256i*>(at.x + r * at.x_stride + (k + i) * 2);
          const __m256i sum = _mm256_add_epi32(_mm256_madd_epi16(_mm256_loadu_si256(x), low),
                                               _mm256_madd_epi16(_mm256_loadu_si256(x + 1), high));
          sums[r][c] = kept(_mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), scale, sums[r][c]));
        }
      }
    }
  }

 private:
  static const float* scales_of(const Sides& at, std::size_t c, std::size_t k) {
    return at.scales + (c * at.apart * at.inner + k) / i4_group;
  }
};

}  // namespace gptc::onednn::avx2

#include "frontend/tokenizer/block_steps.h"

#include <bit>
#include <vector>

#include "frontend/tokenizer/block_scan.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define GPTC_TOKENIZER_X86 1
#include <immintrin.h>
#endif

namespace gptc::tokenizer {
namespace {

std::size_t* write_bits(std::uint64_t bits, std::size_t base, std::size_t* out) {
  for (; bits != 0; bits &= bits - 1)
    *out++ = base + static_cast<std::size_t>(std::countr_zero(bits));
  return out;
}

ByteMasks plain_masks(const char* at) { return byte_masks(at); }

std::size_t plain_next(PieceScanner& scanner, std::span<std::size_t> ends) {
  return BlockScan::next<plain_masks, write_bits>(scanner, ends);
}

#if defined(GPTC_TOKENIZER_X86)

#define GPTC_AVX512 __attribute__((target("avx512f,avx512bw,avx512vbmi2,popcnt")))

GPTC_AVX512 inline std::uint64_t within(__m512i bytes, char low, char count) {
  return _mm512_cmple_epu8_mask(_mm512_sub_epi8(bytes, _mm512_set1_epi8(low)),
                                _mm512_set1_epi8(count));
}

GPTC_AVX512 ByteMasks avx512_masks(const char* at) {
  const __m512i bytes = _mm512_loadu_si512(at);
  ByteMasks masks;
  masks.letter = within(_mm512_or_si512(bytes, _mm512_set1_epi8(0x20)), 'a', 25);
  masks.number = within(bytes, '0', 9);
  masks.space = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(' '));
  masks.blank = masks.space | within(bytes, 9, 4);
  masks.apostrophe = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\''));
  masks.high = _mm512_movepi8_mask(bytes);
  return masks;
}

/// The places of the bits as bytes side by side, then eight at a time widened.
GPTC_AVX512 std::size_t* avx512_write_bits(std::uint64_t bits, std::size_t base, std::size_t* out) {
  const __m512i places = _mm512_set_epi8(
      63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41,
      40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18,
      17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i first = _mm512_set1_epi64(static_cast<long long>(base));
  const int count = __builtin_popcountll(bits);
  alignas(64) char found[64];
  _mm512_store_si512(found, _mm512_maskz_compress_epi8(bits, places));
  for (int i = 0; i < count; i += 8) {
    const __m128i eight = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(found + i));
    _mm512_storeu_si512(out + i, _mm512_add_epi64(first, _mm512_maskz_cvtepu8_epi64(0xFF, eight)));
  }
  return out + count;
}

GPTC_AVX512 __attribute__((flatten)) std::size_t avx512_next(PieceScanner& scanner,
                                                             std::span<std::size_t> ends) {
  return BlockScan::next<avx512_masks, avx512_write_bits>(scanner, ends);
}

#undef GPTC_AVX512
#define GPTC_AVX2 __attribute__((target("avx2,bmi,popcnt")))

GPTC_AVX2 inline std::uint64_t bits_of(__m256i flags) {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(flags));
}

GPTC_AVX2 inline __m256i flags_within(__m256i bytes, char low, char count) {
  const __m256i offset = _mm256_sub_epi8(bytes, _mm256_set1_epi8(low));
  return _mm256_cmpeq_epi8(_mm256_min_epu8(offset, _mm256_set1_epi8(count)), offset);
}

GPTC_AVX2 ByteMasks avx2_masks(const char* at) {
  ByteMasks masks;
  for (unsigned half = 0; half < 64; half += 32) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + half));
    const __m256i spaces = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(' '));
    const __m256i small = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
    masks.letter |= bits_of(flags_within(small, 'a', 25)) << half;
    masks.number |= bits_of(flags_within(bytes, '0', 9)) << half;
    masks.blank |= bits_of(_mm256_or_si256(spaces, flags_within(bytes, 9, 4))) << half;
    masks.space |= bits_of(spaces) << half;
    masks.apostrophe |= bits_of(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\''))) << half;
    masks.high |= bits_of(bytes) << half;
  }
  return masks;
}

/// Eight a time, so that how many there are is seldom guessed wrong.
GPTC_AVX2 std::size_t* avx2_write_bits(std::uint64_t bits, std::size_t base, std::size_t* out) {
  std::size_t* const end = out + __builtin_popcountll(bits);
  for (; out < end; out += 8) {
    for (unsigned i = 0; i < 8; ++i, bits = _blsr_u64(bits)) out[i] = base + _tzcnt_u64(bits);
  }
  return end;
}

GPTC_AVX2 __attribute__((flatten)) std::size_t avx2_next(PieceScanner& scanner,
                                                         std::span<std::size_t> ends) {
  return BlockScan::next<avx2_masks, avx2_write_bits>(scanner, ends);
}

#undef GPTC_AVX2
#endif

std::vector<BlockSteps> usable() {
  std::vector<BlockSteps> steps;
#if defined(GPTC_TOKENIZER_X86)
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi2")) {
    steps.push_back({"avx512", avx512_masks, avx512_write_bits, avx512_next});
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")) {
    steps.push_back({"avx2", avx2_masks, avx2_write_bits, avx2_next});
  }
#endif
  steps.push_back({"plain", plain_masks, write_bits, plain_next});
  return steps;
}

}  // namespace

std::span<const BlockSteps> BlockSteps::all() {
  static const std::vector<BlockSteps> steps = usable();
  return steps;
}

}  // namespace gptc::tokenizer

// A lone query's scores and values by the processor's dot product of bf16 pairs, in the order of
// Bf16Gemm: each element one chain over words.
#include "backends/onednn/lone_attention.h"
#include "ir/check.h"

#if defined(__x86_64__)
#include <immintrin.h>
// GCC 12 warns of its own headers' undefined vectors.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace gptc::onednn {

#if defined(__x86_64__)
namespace {

#define GPTC_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

constexpr std::size_t lanes = 16;

GPTC_BF16 inline __m512bh pairs_of(__m512i words) { return reinterpret_cast<__m512bh>(words); }
GPTC_BF16 inline __m512bh pairs_of(std::uint32_t word) {
  return pairs_of(_mm512_set1_epi32(static_cast<int>(word)));
}

/// Four words of rows `first`, `first` + 4, + 8 and + 12, `stride` words apart.
GPTC_BF16 inline __m512i four_rows(const std::uint32_t* first, std::size_t stride) {
  const auto row = [&](std::size_t index) GPTC_BF16 {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(first + index * stride));
  };
  __m512i rows = _mm512_broadcast_i32x4(row(0));
  rows = _mm512_mask_broadcast_i32x4(rows, 0x00f0, row(4));
  rows = _mm512_mask_broadcast_i32x4(rows, 0x0f00, row(8));
  return _mm512_mask_broadcast_i32x4(rows, 0xf000, row(12));
}

/// sum[key] += Σ over four words of query[word] · keys[key, word].
GPTC_BF16 inline __m512 add_four(__m512 sum, const std::uint32_t* query, const std::uint32_t* keys,
                                 std::size_t stride) {
  const __m512i a = four_rows(keys, stride);
  const __m512i b = four_rows(keys + stride, stride);
  const __m512i c = four_rows(keys + 2 * stride, stride);
  const __m512i d = four_rows(keys + 3 * stride, stride);
  const __m512i ac_low = _mm512_unpacklo_epi32(a, c);
  const __m512i bd_low = _mm512_unpacklo_epi32(b, d);
  const __m512i ac_high = _mm512_unpackhi_epi32(a, c);
  const __m512i bd_high = _mm512_unpackhi_epi32(b, d);
  sum = _mm512_dpbf16_ps(sum, pairs_of(query[0]), pairs_of(_mm512_unpacklo_epi32(ac_low, bd_low)));
  sum = _mm512_dpbf16_ps(sum, pairs_of(query[1]), pairs_of(_mm512_unpackhi_epi32(ac_low, bd_low)));
  sum =
      _mm512_dpbf16_ps(sum, pairs_of(query[2]), pairs_of(_mm512_unpacklo_epi32(ac_high, bd_high)));
  return _mm512_dpbf16_ps(sum, pairs_of(query[3]),
                          pairs_of(_mm512_unpackhi_epi32(ac_high, bd_high)));
}

/// 16 columns of a key's values in the lower halves of words, in the upper ones those of the next.
GPTC_BF16 inline __m512i stacked(const std::uint16_t* values, std::size_t stride, bool has_next) {
  const auto row = [&](const std::uint16_t* from) GPTC_BF16 {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  };
  const __m512i low = row(values);
  return has_next ? _mm512_or_si512(low, _mm512_slli_epi32(row(values + stride), 16)) : low;
}

template <std::size_t kVectors>
GPTC_BF16 inline void add_columns(const std::uint32_t* weights, const SourceRows& values,
                                  std::size_t first, float rescale, float* output, Fetch& next) {
  const std::uint16_t* from = values.row<std::uint16_t>(0) + first;
  __m512 sums[kVectors];
  for (std::size_t v = 0; v < kVectors; ++v)
    sums[v] = _mm512_mul_ps(_mm512_loadu_ps(output + first + v * lanes), _mm512_set1_ps(rescale));
  std::size_t key = 0;
  const auto add = [&](bool has_next) GPTC_BF16 {
    const __m512bh weight = pairs_of(weights[key / 2]);
    for (std::size_t v = 0; v < kVectors; ++v)
      sums[v] = _mm512_dpbf16_ps(sums[v], weight,
                                 pairs_of(stacked(from + v * lanes, values.stride, has_next)));
    from += 2 * values.stride;
    key += 2;
    next.rows(1);
  };
  while (key + 2 <= values.count) add(true);
  if (key < values.count) add(false);
  // Tiles add zeros for the pairs that a last group lacks: -0 becomes 0.
  if (key % attention_group != 0) {
    const __m512bh none = pairs_of(_mm512_setzero_si512());
    for (__m512& sum : sums) sum = _mm512_dpbf16_ps(sum, none, none);
  }
  for (std::size_t v = 0; v < kVectors; ++v) _mm512_storeu_ps(output + first + v * lanes, sums[v]);
}

}  // namespace

GPTC_BF16 void score_pairs(const std::uint32_t* query, const SourceRows& keys, float* scores,
                           Fetch& next) {
  const std::size_t words = keys.size / 2;
  const std::size_t stride = keys.stride / 2;
  for (std::size_t key = 0; key < keys.count; key += lanes) {
    const std::uint32_t* rows = keys.row<std::uint32_t>(0) + key * stride;
    __m512 sum = _mm512_setzero_ps();
    for (std::size_t i = 0; i < words; i += 4) {
      sum = add_four(sum, query + i, rows + i, stride);
      if (i % 8 == 0) next.rows(lanes * 4 / keys.size);
    }
    _mm512_storeu_ps(scores + key, sum);
  }
}

GPTC_BF16 void add_pairs(const std::uint32_t* weights, const SourceRows& values, float rescale,
                         float* output, Fetch& next) {
  constexpr std::size_t together = 4;
  std::size_t i = 0;
  for (; i + together * lanes <= values.size; i += together * lanes)
    add_columns<together>(weights, values, i, rescale, output, next);
  for (; i < values.size; i += lanes) add_columns<1>(weights, values, i, rescale, output, next);
  next.rest();
}

#pragma GCC diagnostic pop
#else

void score_pairs(const std::uint32_t*, const SourceRows&, float*, Fetch&) {
  ir::internal_error("this processor does not multiply bf16");
}
void add_pairs(const std::uint32_t*, const SourceRows&, float, float*, Fetch&) {
  ir::internal_error("this processor does not multiply bf16");
}

#endif

}  // namespace gptc::onednn

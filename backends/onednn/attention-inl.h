// Tiles of attention, once per instruction set: packing, masks, dropout.
#if defined(GPTC_ONEDNN_ATTENTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GPTC_ONEDNN_ATTENTION_INL_H_
#undef GPTC_ONEDNN_ATTENTION_INL_H_
#else
#define GPTC_ONEDNN_ATTENTION_INL_H_
#endif

#include <hwy/highway.h>

#include <cstring>

#include "backends/onednn/attention.h"
#include "backends/onednn/attention_factors-inl.h"
#include "backends/onednn/philox-inl.h"
#include "backends/onednn/turn-inl.h"
#include "backends/onednn/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Hands out a thread's scratch memory in 64-byte steps.
class Scratch {
 public:
  explicit Scratch(std::byte* data) : data_(data) {}
  float* floats(std::size_t count) {
    float* taken = reinterpret_cast<float*>(data_);
    data_ += round_up(count * sizeof(float), 64);
    return taken;
  }

 private:
  std::byte* data_;
};

/// to[row, 0..size) = from[row, 0..size) * scale, from packed rows to rows `to_stride` elements
/// apart.
HWY_INLINE void unpack_rows(const float* HWY_RESTRICT from, std::size_t padded_size,
                            std::size_t rows, std::size_t size, float scale,
                            AttentionRows<std::byte> to, std::size_t to_stride) {
  for (std::size_t row = 0; row < rows; ++row, from += padded_size) {
    if (to.is_bf16) {
      auto* values = reinterpret_cast<std::uint16_t*>(to.data) + row * to_stride;
      scale_values(from, scale, values, static_cast<std::int64_t>(size));
    } else {
      auto* values = reinterpret_cast<float*>(to.data) + row * to_stride;
      scale_values(from, scale, values, static_cast<std::int64_t>(size));
    }
  }
}

/// to[column, row] = from[row, column]; both sizes are multiples of 4.
HWY_INLINE void transpose_tile(const WordRows& from, std::size_t rows, std::size_t columns,
                               float* HWY_RESTRICT to) {
  turn_blocks(from.data, from.stride, rows, columns, to, attention_tile);
}

/// scores[key, query] = Σ over d of keys[key, d] · queries[d, query], groups that count only. Rows
/// of keys have `words` words.
template <class F>
HWY_INLINE void tile_scores(const ScoreTile& tile, const float* keys, std::size_t words,
                            const float* queries, float* scores) {
  for (std::size_t key = 0; key < tile.padded_keys(); key += attention_group) {
    const std::size_t begin = tile.queries_begin(key);
    F::template multiply<Old::ignore>(
        {attention_group, tile.padded_queries() - begin, words}, {keys + key * words, words, 1},
        queries + begin, attention_tile, scores + key * attention_tile + begin, attention_tile);
  }
}

/// Which of the vector of queries at `query` see key `key` of the tile.
HWY_INLINE hn::Mask<FloatTag> visible(const ScoreTile& tile, std::size_t key, std::size_t query) {
  const hn::ScalableTag<std::int32_t> di;
  // Padding keys: no query comes after the last one there can be.
  const auto before = key < tile.key_count ? static_cast<std::ptrdiff_t>(key) - tile.delta - 1
                                           : static_cast<std::ptrdiff_t>(attention_tile);
  const auto queries = hn::Iota(di, static_cast<std::int32_t>(query));
  return hn::RebindMask(FloatTag(),
                        hn::Gt(queries, hn::Set(di, static_cast<std::int32_t>(before))));
}

/// Random words of the tile's probabilities as words[key, query], for the groups that count;
/// `rows` is room for as many.
HWY_INLINE void tile_words(const AttentionProblem& at, std::size_t batch, std::size_t head,
                           const ScoreTile& tile, float* rows, float* words) {
  const auto counter = static_cast<std::uint64_t>(*at.dropout.counter);
  HWY_ALIGN std::uint32_t buffer[attention_tile + philox_slack];
  for (std::size_t query = 0; query < tile.query_count; ++query) {
    const std::uint64_t first =
        static_cast<std::uint64_t>(at.statistic(batch, head, tile.first_query + query)) * at.keys +
        tile.first_key;
    const std::size_t count = tile.keys_end(query);
    const std::uint32_t* made = philox_words(first, count, counter, at.dropout.key, buffer);
    std::memcpy(rows + query * attention_tile, made, count * sizeof(float));
  }
  transpose_tile({rows, attention_tile}, tile.padded_queries(), attention_tile, words);
}

/// The factor of a vector of probabilities: 1 / (1 - p) where kept, else 0.
HWY_INLINE FloatVec keep_factor(const AttentionDropout& dropout, const float* words) {
  const FloatTag d;
  const hn::ScalableTag<std::uint32_t> du;
  const auto bits = hn::BitCast(du, hn::LoadU(d, words));
  const auto dropped = hn::Lt(bits, hn::Set(du, dropout.threshold));
  return hn::IfThenZeroElse(hn::RebindMask(d, dropped), hn::Set(d, dropout.kept_scale));
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard per instruction set

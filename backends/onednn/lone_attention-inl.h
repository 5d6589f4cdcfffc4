// A lone query against tiles of keys and values that lie in caches: its scores and the weighted sum
// of values, with the roundings and the order of attention's tiles. Once per instruction set.
#if defined(GPTC_ONEDNN_LONE_ATTENTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GPTC_ONEDNN_LONE_ATTENTION_INL_H_
#undef GPTC_ONEDNN_LONE_ATTENTION_INL_H_
#else
#define GPTC_ONEDNN_LONE_ATTENTION_INL_H_
#endif

#include <hwy/highway.h>

#include "backends/onednn/attention_factors-inl.h"
#include "backends/onednn/lone_attention.h"
#include "backends/onednn/turn-inl.h"
#include "backends/onednn/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// A thread's memory while it works on a lone query's head.
struct LoneScratch {
  float* rows;  // of a tile that cannot be read in place
  float* query;
  float* weights;
  float* output;
};

/// Products in f32, whatever the caches hold.
struct LoneWide {
  using Factors = WideFactors;

  /// scores[key] = query · keys[key], for whole vectors of keys.
  static HWY_INLINE void score(const LoneScratch& own, const SourceRows& keys, Fetch& next) {
    const ColumnTag d;
    for (std::size_t key = 0; key < keys.count; key += hn::Lanes(d)) {
      const auto scores = keys.first.is_bf16
                              ? score_strip(own.query, keys.row<std::uint16_t>(key), keys, next)
                              : score_strip(own.query, keys.row<float>(key), keys, next);
      hn::StoreU(scores, d, own.weights + key);
    }
  }

  /// output[i] = output[i] * rescale + Σ over keys of weights[key] · values[key, i].
  static HWY_INLINE void add(const LoneScratch& own, const SourceRows& values, float rescale,
                             Fetch& next) {
    next.rest();
    const std::size_t step = block_vectors * hn::Lanes(FloatTag());
    std::size_t i = 0;
    for (; i + step <= values.size; i += step) add_columns<block_vectors>(own, values, i, rescale);
    for (; i < values.size; i += hn::Lanes(FloatTag())) add_columns<1>(own, values, i, rescale);
  }

 private:
  using ColumnVec = hn::Vec<ColumnTag>;

  static HWY_INLINE ColumnVec score_strip(const float* query, const float* keys,
                                          const SourceRows& rows, Fetch& next) {
    const ColumnTag d;
    ColumnVec sum = hn::Zero(d);
    for (std::size_t i = 0; i < rows.size; i += 4) {
      const FourColumns of = four_columns(keys + i, rows.stride);
      sum = hn::MulAdd(hn::Set(d, query[i]), of.a, sum);
      sum = hn::MulAdd(hn::Set(d, query[i + 1]), of.b, sum);
      sum = hn::MulAdd(hn::Set(d, query[i + 2]), of.c, sum);
      sum = hn::MulAdd(hn::Set(d, query[i + 3]), of.e, sum);
      if (i % 16 == 0) next.rows(hn::Lanes(d) * 16 / rows.size);
    }
    return sum;
  }
  /// A word holds two elements, the first in its lower half.
  static HWY_INLINE ColumnVec score_strip(const float* query, const std::uint16_t* keys,
                                          const SourceRows& rows, Fetch& next) {
    const ColumnTag d;
    const hn::RebindToUnsigned<ColumnTag> du;
    ColumnVec sum = hn::Zero(d);
    const auto add_two = [&](const float* q, ColumnVec words) HWY_ATTR {
      const auto bits = hn::BitCast(du, words);
      const auto low = hn::BitCast(d, hn::ShiftLeft<16>(bits));
      const auto high = hn::BitCast(d, hn::And(bits, hn::Set(du, 0xffff0000U)));
      sum = hn::MulAdd(hn::Set(d, q[0]), low, sum);
      sum = hn::MulAdd(hn::Set(d, q[1]), high, sum);
    };
    for (std::size_t i = 0; i < rows.size; i += 8) {
      const FourColumns of =
          four_columns(reinterpret_cast<const float*>(keys + i), rows.stride / 2);
      add_two(query + i, of.a);
      add_two(query + i + 2, of.b);
      add_two(query + i + 4, of.c);
      add_two(query + i + 6, of.e);
      if (i % 16 == 0) next.rows(hn::Lanes(d) * 16 / rows.size);
    }
    return sum;
  }

  template <std::size_t kVectors>
  static HWY_INLINE void add_columns(const LoneScratch& own, const SourceRows& values,
                                     std::size_t first, float rescale) {
    if (values.first.is_bf16)
      add_columns<kVectors>(own, values.row<std::uint16_t>(0) + first, values, first, rescale);
    else
      add_columns<kVectors>(own, values.row<float>(0) + first, values, first, rescale);
  }
  template <std::size_t kVectors, class T>
  static HWY_INLINE void add_columns(const LoneScratch& own, const T* values,
                                     const SourceRows& rows, std::size_t first, float rescale) {
    const FloatTag d;
    const std::size_t lanes = hn::Lanes(d);
    FloatVec sums[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v)
      sums[v] = hn::Mul(hn::LoadU(d, own.output + first + v * lanes), hn::Set(d, rescale));
    for (std::size_t key = 0; key < rows.count; ++key, values += rows.stride) {
      const FloatVec weight = hn::Set(d, own.weights[key]);
      for (std::size_t v = 0; v < kVectors; ++v)
        sums[v] = hn::MulAdd(weight, load_any(Whole(), values + v * lanes), sums[v]);
    }
    // Tiles add zeros for the keys that a last group lacks: -0 becomes 0.
    const FloatVec none = hn::Zero(d);
    for (std::size_t v = 0; v < kVectors; ++v) {
      const FloatVec sum = rows.count % attention_group == 0 ? sums[v] : hn::Add(sums[v], none);
      hn::StoreU(sum, d, own.output + first + v * lanes);
    }
  }
};

/// Products of bf16 pairs by the processor.
struct LonePairs {
  using Factors = PairFactors;

  static HWY_INLINE void score(const LoneScratch& own, const SourceRows& keys, Fetch& next) {
    score_pairs(reinterpret_cast<const std::uint32_t*>(own.query), keys, own.weights, next);
  }
  static HWY_INLINE void add(const LoneScratch& own, const SourceRows& values, float rescale,
                             Fetch& next) {
    Factors::pack_values(own.weights, attention_tile);
    add_pairs(reinterpret_cast<const std::uint32_t*>(own.weights), values, rescale, own.output,
              next);
  }
};

/// scores[0..count) become 2^(scale · score - max), and 0 behind them, with the new maximum;
/// returns what must be added to the sum. In the order of attention's tiles.
HWY_INLINE float weigh(float scale, std::size_t count, float* scores, float& max) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  const FloatVec scales = hn::Set(d, scale);
  FloatVec most = hn::Set(d, max);
  for (std::size_t key = 0; key < count; key += lanes) {
    const FloatVec score = hn::Mul(hn::LoadU(d, scores + key), scales);
    most =
        hn::Max(most, hn::IfThenElse(hn::FirstN(d, count - key), score, hn::Set(d, hidden_score)));
  }
  max = hn::GetLane(hn::MaxOfLanes(d, most));
  for (std::size_t key = 0; key < count; key += weight_chains * lanes) {
    FloatVec weights[weight_chains];
    for (std::size_t i = 0; i < weight_chains; ++i) {
      const FloatVec product = hn::LoadU(d, scores + key + i * lanes);
      weights[i] = hn::MulSub(product, scales, hn::Set(d, max));
    }
    exp2_of(d, weights);
    for (std::size_t i = 0; i < weight_chains; ++i)
      hn::StoreU(weights[i], d, scores + key + i * lanes);
  }
  float added = 0;
  for (std::size_t key = 0; key < count; ++key) added += scores[key];
  std::fill(scores + count, scores + attention_tile, 0.F);
  return added;
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard per instruction set

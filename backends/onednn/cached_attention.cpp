// cached_attention: new queries against the keys and values in caches. Several are attention by
// tiles. A lone one, as in every step of decoding, meets the caches where they lie.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/cached_attention.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/onednn/attention-inl.h"

#ifndef GPTC_ONEDNN_CACHED_HEADS
#define GPTC_ONEDNN_CACHED_HEADS
namespace gptc::onednn {
namespace {

/// The heads of a batch. Each sees as many keys as the cache of its row of the batch holds.
struct CachedHeads {
  AttentionProblem at;
  const std::int32_t* past;

  std::size_t count() const { return at.batches * at.heads; }
  std::pair<AttentionProblem, AttentionItem> head(std::size_t index) const {
    const std::size_t batch = index / at.heads;
    AttentionProblem own = at;
    own.past = std::max(past[batch], 0);
    own.keys = std::min(at.key_rows, static_cast<std::size_t>(own.past) + at.queries);
    return {own, {batch, index % at.heads, 0, 1}};
  }
};

}  // namespace
}  // namespace gptc::onednn
#endif

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// A thread's memory while it works on a lone query's head.
struct LoneScratch {
  float* rows;    // of a tile that cannot be read in place
  float* keys;    // [words, key]
  float* values;  // stacked
  float* query;
  float* weights;
  float* output;
};

/// A head's rows of a tile of keys, in the caches.
struct HeadTile {
  SourceRows keys;
  SourceRows values;
};
HWY_INLINE HeadTile head_tile(const AttentionProblem& at, const AttentionItem& item,
                              std::size_t first_key) {
  const std::size_t row = at.key_row(item.batch, item.head, first_key);
  const std::size_t count = std::min(attention_tile, at.keys - first_key);
  return {{at.rows(at.k, row), at.channels, count, at.size},
          {at.rows(at.v, row), at.channels, count, at.size}};
}

/// Brings a tile's rows into the second-level cache, some at a time, while another tile is worked
/// on: they are too short and too far apart for the processor to see them coming.
class Fetch {
 public:
  explicit Fetch(const HeadTile& tile) : tile_(tile) {}
  HWY_INLINE void rows(std::size_t count) {
    for (const std::size_t end = std::min(row_ + count, tile_.keys.count); row_ < end; ++row_) {
      one(tile_.keys);
      one(tile_.values);
    }
  }
  HWY_INLINE void rest() { rows(attention_tile); }

 private:
  HWY_INLINE void one(const SourceRows& rows) const {
    constexpr std::size_t line = 64;
    const std::size_t width = rows.first.is_bf16 ? 2 : 4;
    const std::byte* row = rows.first.data + row_ * rows.stride * width;
    for (std::size_t at = 0; at < rows.size * width; at += line) __builtin_prefetch(row + at, 0, 2);
  }

  HeadTile tile_;
  std::size_t row_ = 0;
};

/// The words of a tile that needs no padding where they lie, else packed.
template <class F>
HWY_INLINE WordRows tile_words_of(const SourceRows& rows, PaddedSize padded, float* room) {
  if (rows.count == padded.rows && rows.size == padded.size && rows.first.is_bf16 == (F::pack == 2))
    return {rows.template row<float>(0), rows.stride / F::pack};
  F::pack_rows(rows, padded, room);
  return {room, padded.size / F::pack};
}

/// scores[0..count) become exp(scale · score - max), and 0 behind them, with the new maximum;
/// returns what must be added to the sum. In the order of attention's tiles.
HWY_INLINE float weigh(float scale, std::size_t count, float* scores, float& max) {
  const FloatTag d;
  FloatVec most = hn::Set(d, max);
  for (std::size_t key = 0; key < count; key += hn::Lanes(d)) {
    const FloatVec score = hn::Mul(hn::LoadU(d, scores + key), hn::Set(d, scale));
    const FloatVec seen =
        hn::IfThenElse(hn::FirstN(d, count - key), score, hn::Set(d, hidden_score));
    hn::StoreU(seen, d, scores + key);
    most = hn::Max(most, seen);
  }
  max = hn::GetLane(hn::MaxOfLanes(d, most));
  for (std::size_t key = 0; key < count; key += hn::Lanes(d)) {
    const FloatVec score = hn::LoadU(d, scores + key);
    hn::StoreU(exp_of(d, hn::Sub(score, hn::Set(d, max))), d, scores + key);
  }
  float added = 0;
  for (std::size_t key = 0; key < count; ++key) added += scores[key];
  std::fill(scores + count, scores + attention_tile, 0.F);
  return added;
}

/// transpose_tile, and of `next` as many rows fetched.
HWY_INLINE void transpose_and_fetch(const WordRows& from, std::size_t rows, std::size_t columns,
                                    float* HWY_RESTRICT to, Fetch& next) {
  constexpr std::size_t strip = attention_group;
  for (std::size_t i = 0; i < rows; i += strip) {
    std::size_t fetched = 0;
    for (std::size_t j = 0; j < columns; j += 4) {
      turn_blocks(from.data + i * from.stride + j, from.stride, strip, 4,
                  to + j * attention_tile + i, attention_tile);
      const std::size_t end = strip * (j + 4) / columns;
      next.rows(end - fetched);
      fetched = end;
    }
  }
}

/// A head's only query: what attention by tiles does, with the same roundings. Fetches what
/// `follows`, the first tile of the next head.
template <class F>
HWY_INLINE void attend_lone(const AttentionProblem& at, const AttentionItem& item,
                            const HeadTile& follows, std::byte* memory, std::byte* y) {
  const FloatTag d;
  const std::size_t size = at.padded_size();
  const std::size_t words = size / F::pack;
  Scratch scratch(memory);
  const LoneScratch own = {
      scratch.floats(attention_tile * size),  scratch.floats(attention_tile * words),
      scratch.floats(attention_tile * words), scratch.floats(size),
      scratch.floats(attention_tile),         scratch.floats(size)};
  const std::size_t row = at.query_row(item.batch, item.head, 0);
  F::pack_rows({at.rows(at.q, row), at.channels, 1, at.size}, {1, size}, own.query);
  std::fill_n(own.output, size, 0.F);
  float max = hidden_score;
  float sum = 0;
  for (std::size_t first = 0; first < at.keys; first += attention_tile) {
    const HeadTile tile = head_tile(at, item, first);
    const bool last = first + attention_tile >= at.keys;
    Fetch next(last ? follows : head_tile(at, item, first + attention_tile));
    const PaddedSize padded = {round_up(tile.keys.count, attention_group), size};
    transpose_and_fetch(tile_words_of<F>(tile.keys, padded, own.rows), padded.rows, words, own.keys,
                        next);
    next.rest();
    F::template multiply<Old::ignore>({1, padded.rows, words}, {own.query, 0, 1}, own.keys,
                                      attention_tile, own.weights, attention_tile);
    const float old_max = max;
    const float added = weigh(at.scale, tile.keys.count, own.weights, max);
    const float rescale = hn::GetLane(exp_of(d, hn::Set(d, old_max - max)));
    sum = __builtin_fmaf(sum, rescale, added);
    F::pack_values(own.weights, attention_tile);
    const WordRows stacked =
        F::stack(tile_words_of<F>(tile.values, padded, own.rows), padded, own.values);
    F::template multiply<Old::scale_rows_and_add>({1, size, padded.rows / F::pack},
                                                  {own.weights, 0, 1}, stacked.data, stacked.stride,
                                                  own.output, size, &rescale);
  }
  const float whole = hn::GetLane(hn::Div(hn::Set(d, 1.F), hn::Set(d, sum)));
  unpack_rows(own.output, size, 1, at.size, whole, at.rows(y, row), at.channels);
}

/// Heads [first, first + count) of those that `of` knows, each with its only query.
void attend_some(const CachedHeads& of, std::size_t first, std::size_t count, std::byte* memory,
                 std::byte* y) {
  const auto tile_of = [&](std::size_t head) HWY_ATTR {
    const auto [at, item] = of.head(head);
    return head_tile(at, item, 0);
  };
  Fetch(tile_of(first)).rest();
  for (std::size_t head = first; head < first + count; ++head) {
    const auto [at, item] = of.head(head);
    HeadTile follows = {};
    if (head + 1 < first + count) follows = tile_of(head + 1);
    if (multiplies_pairs(at)) {
      attend_lone<PairFactors>(at, item, follows, memory, y);
    } else {
      attend_lone<WideFactors>(at, item, follows, memory, y);
    }
  }
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {
namespace {

HWY_EXPORT(attend_some);

std::int64_t scratch_bytes(const AttentionProblem& at) {
  if (at.queries > 1) return attention_scratch(at);
  const std::size_t floats = 3 * attention_tile * at.padded_size() + attention_tile +
                             2 * round_up(at.padded_size(), attention_group);
  return static_cast<std::int64_t>(floats * sizeof(float));
}

/// An item is some heads.
class CachedAttentionKernel final : public ItemKernel {
 public:
  CachedAttentionKernel(const AttentionProblem& at, const KernelArgs& args)
      : ItemKernel(args.threads, args.workspace, scratch_bytes(at)),
        heads_{at, reinterpret_cast<const std::int32_t*>(args.operands[3])},
        y_(args.results[0]) {
    const auto parts = static_cast<std::size_t>(args.threads);
    if (at.queries == 1) together_ = std::max<std::size_t>(1, heads_.count() / parts);
  }

 private:
  std::int64_t items() const override {
    return static_cast<std::int64_t>((heads_.count() + together_ - 1) / together_);
  }
  void run(std::int64_t item, std::byte* scratch) override {
    const std::size_t first = static_cast<std::size_t>(item) * together_;
    if (heads_.at.queries > 1) {
      const auto [at, head] = heads_.head(first);
      return attend_head(at, head, scratch, y_, nullptr);
    }
    HWY_DYNAMIC_DISPATCH(attend_some)
    (heads_, first, std::min(together_, heads_.count() - first), scratch, y_);
  }

  CachedHeads heads_;
  std::byte* y_;
  std::size_t together_ = 1;  // heads
};

}  // namespace

KernelRow kernel_cached_attention() {
  return {.supports = supports_attention,
          .workspace =
              [](const ir::Graph& graph, const ir::Node& node, int threads) {
                return threads * scratch_bytes(cached_attention_problem(graph, node, nullptr));
              },
          .create = [](const ir::Graph& graph, const ir::Node& node,
                       const KernelArgs& args) -> std::unique_ptr<Kernel> {
            return std::make_unique<CachedAttentionKernel>(
                cached_attention_problem(graph, node, &args), args);
          }};
}

}  // namespace gptc::onednn
#endif

// cached_attention: new queries against the keys and values in caches. Several are attention by
// tiles. A lone one, as in every step of decoding, meets the caches where they lie.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/cached_attention.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/onednn/attention-inl.h"

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

/// Into the second-level cache: a tile's rows are too short and too far apart for the processor to
/// see them coming.
HWY_INLINE void fetch(const SourceRows& rows) {
  constexpr std::size_t line = 64;
  const std::size_t width = rows.first.is_bf16 ? 2 : 4;
  const std::byte* row = rows.first.data;
  for (std::size_t i = 0; i < rows.count; ++i, row += rows.stride * width)
    for (std::size_t at = 0; at < rows.size * width; at += line) __builtin_prefetch(row + at, 0, 2);
}
HWY_INLINE void fetch(const HeadTile& tile) {
  fetch(tile.keys);
  fetch(tile.values);
}

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
  for (std::size_t key = 0; key < count; ++key) {
    scores[key] *= scale;
    max = std::max(max, scores[key]);
  }
  for (std::size_t key = 0; key < count; key += hn::Lanes(d)) {
    const FloatVec score = hn::LoadU(d, scores + key);
    hn::StoreU(exp_of(d, hn::Sub(score, hn::Set(d, max))), d, scores + key);
  }
  std::fill(scores + count, scores + attention_tile, 0.F);
  float added = 0;
  for (std::size_t key = 0; key < count; ++key) added += scores[key];
  return added;
}

/// A head's only query: what attention by tiles does, with the same roundings.
template <class F>
HWY_INLINE void attend_lone(const AttentionProblem& at, const AttentionItem& item,
                            std::byte* memory, std::byte* y) {
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
    if (first + attention_tile < at.keys) fetch(head_tile(at, item, first + attention_tile));
    const PaddedSize padded = {round_up(tile.keys.count, attention_group), size};
    transpose_tile(tile_words_of<F>(tile.keys, padded, own.rows), padded.rows, words, own.keys);
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

void attend_one(const AttentionProblem& at, const AttentionItem& item, std::byte* memory,
                std::byte* y) {
  if (multiplies_pairs(at)) return attend_lone<PairFactors>(at, item, memory, y);
  attend_lone<WideFactors>(at, item, memory, y);
}

/// The first tile, ahead of attend_one.
void fetch_first(const AttentionProblem& at, const AttentionItem& item) {
  fetch(head_tile(at, item, 0));
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {
namespace {

HWY_EXPORT(attend_one);
HWY_EXPORT(fetch_first);

std::int64_t scratch_bytes(const AttentionProblem& at) {
  if (at.queries > 1) return attention_scratch(at);
  const std::size_t floats = 3 * attention_tile * at.padded_size() + attention_tile +
                             2 * round_up(at.padded_size(), attention_group);
  return static_cast<std::int64_t>(floats * sizeof(float));
}

/// An item is some heads. Each sees as many keys as the cache of its row of the batch holds.
class CachedAttentionKernel final : public ItemKernel {
 public:
  CachedAttentionKernel(const AttentionProblem& at, const KernelArgs& args)
      : ItemKernel(args.threads, args.workspace, scratch_bytes(at)),
        at_(at),
        past_(reinterpret_cast<const std::int32_t*>(args.operands[3])),
        y_(args.results[0]) {
    const auto parts = 2 * static_cast<std::size_t>(args.threads);
    if (at_.queries == 1) together_ = std::max<std::size_t>(1, heads() / parts);
  }

 private:
  std::size_t heads() const { return at_.batches * at_.heads; }
  std::int64_t items() const override {
    return static_cast<std::int64_t>((heads() + together_ - 1) / together_);
  }
  /// Of a head, counted over the batch, with the keys it sees.
  std::pair<AttentionProblem, AttentionItem> problem(std::size_t head) const {
    const std::size_t batch = head / at_.heads;
    AttentionProblem at = at_;
    at.past = std::max(past_[batch], 0);
    at.keys = std::min(at.key_rows, static_cast<std::size_t>(at.past) + at.queries);
    return {at, {batch, head % at_.heads, 0, 1}};
  }
  void run(std::int64_t item, std::byte* scratch) override {
    const std::size_t first = static_cast<std::size_t>(item) * together_;
    const std::size_t end = std::min(heads(), first + together_);
    if (at_.queries > 1) {
      const auto [at, head] = problem(first);
      return attend_head(at, head, scratch, y_, nullptr);
    }
    const auto fetch = [&](std::size_t index) {
      const auto [at, head] = problem(index);
      HWY_DYNAMIC_DISPATCH(fetch_first)(at, head);
    };
    fetch(first);
    for (std::size_t index = first; index < end; ++index) {
      if (index + 1 < end) fetch(index + 1);
      const auto [at, head] = problem(index);
      HWY_DYNAMIC_DISPATCH(attend_one)(at, head, scratch, y_);
    }
  }

  AttentionProblem at_;
  const std::int32_t* past_;
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

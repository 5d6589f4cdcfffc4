// attention: softmax(mask(scale · q kᵀ)) v by head in tiles of 64 x 64 with running row maxima and
// sums (Dao et al. 2022, FlashAttention). Scores stand as [key, query], so that a vector holds the
// same key of neighbouring queries and the softmax needs no sums across lanes.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/attention.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/onednn/attention-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Of each query of the tile so far.
struct RunningSoftmax {
  float* max;
  float* sum;
  float* rescale;  // what the output so far must be multiplied with
};

/// Turns products into weights 2^(scale · product - max) with the new maxima, dropped where they
/// are, as factors stacked over keys. Hidden ones become 0.
template <class F, bool kWhole>
HWY_INLINE void weigh_tile(const AttentionProblem& at, const ScoreTile& tile,
                           const RunningSoftmax& running, const float* words, float* scores) {
  const FloatTag d;
  const FloatVec scale = hn::Set(d, at.scale * log2_e);
  for (std::size_t query = 0; query < tile.padded_queries(); query += hn::Lanes(d)) {
    const std::size_t end = tile.keys_end(query);
    const auto product = [&](std::size_t key) HWY_ATTR {
      return hn::LoadU(d, scores + key * attention_tile + query);
    };
    const FloatVec old_max = hn::LoadU(d, running.max + query);
    FloatVec max = old_max;
    for (std::size_t key = 0; key < end; ++key) {
      FloatVec score = hn::Mul(product(key), scale);
      if (!kWhole)
        score = hn::IfThenElse(visible(tile, key, query), score, hn::Set(d, hidden_score));
      max = hn::Max(max, score);
    }
    FloatVec sum = hn::Zero(d);
    for (std::size_t key = 0; key < end; key += weight_chains) {
      FloatVec weights[weight_chains];
      for (std::size_t i = 0; i < weight_chains; ++i)
        weights[i] = hn::MulSub(product(key + i), scale, max);
      exp2_of(d, weights);
      for (std::size_t i = 0; i < weight_chains; ++i) {
        if (!kWhole) weights[i] = hn::IfThenElseZero(visible(tile, key + i, query), weights[i]);
        sum = hn::Add(sum, weights[i]);
        if (at.dropout.active) {
          const float* word = words + (key + i) * attention_tile + query;
          weights[i] = hn::Mul(weights[i], keep_factor(at.dropout, word));
        }
      }
      for (std::size_t i = 0; i < weight_chains; i += 2)
        F::put_stacked(weights[i], weights[i + 1], scores, key + i, query);
    }
    FloatVec rescale[] = {hn::Sub(old_max, max)};
    exp2_of(d, rescale);
    hn::StoreU(max, d, running.max + query);
    hn::StoreU(rescale[0], d, running.rescale + query);
    const FloatVec old_sum = hn::LoadU(d, running.sum + query);
    hn::StoreU(hn::MulAdd(old_sum, rescale[0], sum), d, running.sum + query);
  }
}

template <class F>
HWY_INLINE void online_softmax(const AttentionProblem& at, const ScoreTile& tile,
                               const RunningSoftmax& running, const float* words, float* scores) {
  if (tile.whole()) return weigh_tile<F, true>(at, tile, running, words, scores);
  weigh_tile<F, false>(at, tile, running, words, scores);
}

/// Divides by the sums and writes y and lse of the tile's queries.
HWY_INLINE void finish_queries(const AttentionProblem& at, std::size_t row, std::size_t statistic,
                               std::size_t count, const RunningSoftmax& running,
                               const float* output, std::byte* y, float* lse) {
  const FloatTag d;
  for (std::size_t query = 0; query < attention_tile; query += hn::Lanes(d)) {
    const FloatVec sum = hn::LoadU(d, running.sum + query);
    const FloatVec max = hn::LoadU(d, running.max + query);
    hn::StoreU(hn::Div(hn::Set(d, 1.F), sum), d, running.rescale + query);
    hn::StoreU(hn::MulAdd(max, hn::Set(d, ln_2), log_of(d, sum)), d, running.max + query);
  }
  for (std::size_t query = 0; y != nullptr && query < count; ++query) {
    unpack_rows(output + query * at.padded_size(), at.padded_size(), 1, at.size,
                running.rescale[query], at.rows(y, row + query * at.channels), at.channels);
  }
  if (lse != nullptr) std::memcpy(lse + statistic, running.max, count * sizeof(float));
}

/// A thread's memory while it works on a head.
struct AttentionScratch {
  float* keys;    // rows
  float* values;  // stacked
  float* queries;
  float* output;  // and, before, rows that are being packed
  float* scores;
  float* word_rows;
  float* words;
  RunningSoftmax running;
};

/// One tile of queries against the head's keys and values.
template <class F>
HWY_INLINE void attend_tile(const AttentionProblem& at, const AttentionItem& item,
                            std::size_t first_query, const AttentionScratch& own, std::byte* y,
                            float* lse) {
  const std::size_t size = at.padded_size();
  const std::size_t words = size / F::pack;
  std::fill_n(own.running.max, attention_tile, hidden_score);
  std::fill_n(own.running.sum, attention_tile, 0.F);
  const std::size_t query_row = at.query_row(item.batch, item.head, first_query);
  const std::size_t q_row = at.q_row(item.batch, item.head, first_query);
  const std::size_t count = std::min(attention_tile, at.queries - first_query);
  F::pack_rows({at.rows(at.q, q_row), at.q_stride, count, at.size}, {attention_tile, size},
               own.output);
  transpose_tile({own.output, words}, attention_tile, words, own.queries);
  std::fill_n(own.output, attention_tile * size, 0.F);

  const std::size_t keys_end = visible_keys(at, first_query);
  for (std::size_t first_key = 0; first_key < keys_end; first_key += attention_tile) {
    const ScoreTile tile(at, first_key, first_query);
    tile_scores<F>(tile, own.keys + first_key * words, words, own.queries, own.scores);
    if (at.dropout.active) tile_words(at, item.batch, item.head, tile, own.word_rows, own.words);
    online_softmax<F>(at, tile, own.running, own.words, own.scores);
    for (std::size_t query = 0; query < tile.padded_queries(); query += attention_group) {
      F::template multiply<Old::scale_rows_and_add>(
          {attention_group, size, tile.keys_end(query) / F::pack},
          {own.scores + query, 1, attention_tile}, own.values + first_key * words, size,
          own.output + query * size, size, own.running.rescale + query);
    }
  }
  finish_queries(at, query_row, at.statistic(item.batch, item.head, first_query), count,
                 own.running, own.output, y, lse);
}

/// The tiles of one item.
template <class F>
HWY_INLINE void attend_item(const AttentionProblem& at, const AttentionItem& item,
                            std::byte* memory, std::byte* y, float* lse) {
  const std::size_t size = at.padded_size();
  const std::size_t words = size / F::pack;
  const std::size_t padded_keys = round_up(at.keys, attention_tile);
  constexpr std::size_t pairs = attention_tile * attention_tile;
  Scratch scratch(memory);
  const AttentionScratch own{
      .keys = scratch.floats(padded_keys * words),
      .values = scratch.floats(padded_keys * words),
      .queries = scratch.floats(attention_tile * size),
      .output = scratch.floats(attention_tile * size),
      .scores = scratch.floats(pairs),
      .word_rows = scratch.floats(at.dropout.active ? pairs : 0),
      .words = scratch.floats(at.dropout.active ? pairs : 0),
      .running = {scratch.floats(attention_tile), scratch.floats(attention_tile),
                  scratch.floats(attention_tile)}};
  const std::size_t keys_end = visible_keys(at, item.last_tile(at.query_tiles()) * attention_tile);
  for (std::size_t key = 0; key < keys_end; key += attention_tile) {
    const std::size_t row = at.key_row(item.batch, item.head, key);
    const std::size_t count = std::min(attention_tile, at.keys - key);
    const PaddedSize padded{attention_tile, size};
    F::pack_rows({at.key_rows_at(at.k, row), at.key_stride(), count, at.size}, padded,
                 own.keys + key * words);
    float* values = own.values + key * words;
    float* rows = F::pack == 1 ? values : own.output;
    F::pack_rows({at.key_rows_at(at.v, row), at.key_stride(), count, at.size}, padded, rows);
    F::stack(rows, padded, values);
  }
  for (std::size_t tile = item.part; tile < at.query_tiles(); tile += item.parts)
    attend_tile<F>(at, item, tile * attention_tile, own, y, lse);
}

void attend(const AttentionProblem& at, const AttentionItem& item, std::byte* memory, std::byte* y,
            float* lse) {
  if (multiplies_pairs(at)) return attend_item<PairFactors>(at, item, memory, y, lse);
  attend_item<WideFactors>(at, item, memory, y, lse);
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {
namespace {

HWY_EXPORT(attend);

constexpr std::size_t counter_operand = 3;

}  // namespace

std::int64_t attention_scratch(const AttentionProblem& at) {
  const std::size_t words = 2 * round_up(at.keys, attention_tile) * at.padded_size() +
                            2 * attention_tile * at.padded_size() +
                            (at.dropout.active ? 3 : 1) * attention_tile * attention_tile +
                            3 * attention_tile;
  return static_cast<std::int64_t>(words * sizeof(float));
}

void attend_head(const AttentionProblem& at, const AttentionItem& item, std::byte* scratch,
                 std::byte* y, float* lse) {
  HWY_DYNAMIC_DISPATCH(attend)(at, item, scratch, y, lse);
}

namespace {

/// An item is a head, or some of its tiles of queries where heads are too few to share out evenly.
class AttentionKernel final : public ItemKernel {
 public:
  AttentionKernel(const AttentionProblem& at, const KernelArgs& args)
      : ItemKernel(args.threads, args.workspace, attention_scratch(at)),
        at_(at),
        y_(args.results[0]),
        lse_(reinterpret_cast<float*>(args.results[1])) {
    const std::size_t wanted = 4 * static_cast<std::size_t>(args.threads);
    const std::size_t heads = at_.batches * at_.heads;
    parts_ = std::clamp<std::size_t>((wanted + heads - 1) / heads, 1, at_.query_tiles());
  }

 private:
  std::int64_t items() const override {
    return static_cast<std::int64_t>(at_.batches * at_.heads * parts_);
  }
  void run(std::int64_t index, std::byte* scratch) override {
    const auto item = static_cast<std::size_t>(index);
    const std::size_t pair = item / parts_;
    attend_head(at_, {pair / at_.heads, pair % at_.heads, item % parts_, parts_}, scratch, y_,
                lse_);
  }

  AttentionProblem at_;
  std::size_t parts_ = 1;  // of a head
  std::byte* y_;
  float* lse_;
};

}  // namespace

KernelRow kernel_attention() {
  return {.supports = supports_attention,
          .workspace =
              [](const ir::Graph& graph, const ir::Node& node, int threads) {
                return threads *
                       attention_scratch(attention_problem(graph, node, nullptr, counter_operand));
              },
          .create = [](const ir::Graph& graph, const ir::Node& node,
                       const KernelArgs& args) -> std::unique_ptr<Kernel> {
            return std::make_unique<AttentionKernel>(
                attention_problem(graph, node, &args, counter_operand), args);
          }};
}

}  // namespace gptc::onednn
#endif

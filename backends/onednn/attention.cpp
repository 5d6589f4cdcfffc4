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

/// Stands for the score of a key that is not seen: finite, and exp of it is 0.
inline constexpr float hidden_score = -1e30F;

/// Of each query of the tile so far.
struct RunningSoftmax {
  float* max;
  float* sum;
  float* rescale;  // what the output so far must be multiplied with
};

/// Turns scores into exp(score - max) with the new maxima; hidden ones become 0.
HWY_INLINE void online_softmax(const ScoreTile& tile, const RunningSoftmax& running,
                               float* scores) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  const bool whole = tile.whole();
  for (std::size_t query = 0; query < tile.padded_queries(); query += lanes) {
    const std::size_t end = tile.keys_end(query);
    float* column = scores + query;
    const FloatVec old_max = hn::LoadU(d, running.max + query);
    FloatVec max = old_max;
    for (std::size_t key = 0; key < end; ++key) {
      float* at = column + key * attention_tile;
      FloatVec score = hn::LoadU(d, at);
      if (!whole) {
        score = hn::IfThenElse(visible(tile, key, query), score, hn::Set(d, hidden_score));
        hn::StoreU(score, d, at);
      }
      max = hn::Max(max, score);
    }
    FloatVec sum = hn::Zero(d);
    for (std::size_t key = 0; key < end; ++key) {
      float* at = column + key * attention_tile;
      const FloatVec weight = exp_of(d, hn::Sub(hn::LoadU(d, at), max));
      sum = hn::Add(sum, weight);
      hn::StoreU(weight, d, at);
    }
    const FloatVec rescale = exp_of(d, hn::Sub(old_max, max));
    hn::StoreU(max, d, running.max + query);
    hn::StoreU(rescale, d, running.rescale + query);
    const FloatVec old_sum = hn::LoadU(d, running.sum + query);
    hn::StoreU(hn::MulAdd(old_sum, rescale, sum), d, running.sum + query);
  }
}

HWY_INLINE void drop(const AttentionDropout& dropout, const ScoreTile& tile, const float* words,
                     float* values) {
  const FloatTag d;
  for (std::size_t query = 0; query < tile.padded_queries(); query += hn::Lanes(d)) {
    for (std::size_t key = 0; key < tile.keys_end(query); ++key) {
      const std::size_t at = key * attention_tile + query;
      hn::StoreU(hn::Mul(hn::LoadU(d, values + at), keep_factor(dropout, words + at)), d,
                 values + at);
    }
  }
}

/// Divides by the sums and writes y and lse of the tile's queries.
HWY_INLINE void finish_queries(const AttentionProblem& at, std::size_t row, std::size_t statistic,
                               std::size_t count, const RunningSoftmax& running,
                               const float* output, float* y, float* lse) {
  const FloatTag d;
  for (std::size_t query = 0; query < attention_tile; query += hn::Lanes(d)) {
    const FloatVec sum = hn::LoadU(d, running.sum + query);
    const FloatVec max = hn::LoadU(d, running.max + query);
    hn::StoreU(hn::Div(hn::Set(d, 1.F), sum), d, running.rescale + query);
    hn::StoreU(hn::Add(max, log_of(d, sum)), d, running.max + query);
  }
  for (std::size_t query = 0; y != nullptr && query < count; ++query) {
    unpack_rows(output + query * at.padded_size(), at.padded_size(), 1, at.size,
                running.rescale[query], y + row + query * at.channels, at.channels);
  }
  if (lse != nullptr) std::memcpy(lse + statistic, running.max, count * sizeof(float));
}

/// One tile of queries of one head.
void attend(const AttentionProblem& at, std::size_t batch, std::size_t head,
            std::size_t first_query, std::byte* memory, float* y, float* lse) {
  const std::size_t size = at.padded_size();
  Scratch scratch(memory);
  float* packed = scratch.floats(attention_tile * size);
  float* queries = scratch.floats(attention_tile * size);
  float* values = scratch.floats(attention_tile * size);
  float* output = scratch.floats(attention_tile * size);
  float* scores = scratch.floats(attention_tile * attention_tile);
  float* word_rows = scratch.floats(attention_tile * attention_tile);
  float* words = scratch.floats(attention_tile * attention_tile);
  const RunningSoftmax running{scratch.floats(attention_tile), scratch.floats(attention_tile),
                               scratch.floats(attention_tile)};
  std::fill_n(running.max, attention_tile, hidden_score);
  std::fill_n(running.sum, attention_tile, 0.F);
  std::fill_n(output, attention_tile * size, 0.F);

  const std::size_t query_row = at.query_row(batch, head, first_query);
  const std::size_t query_count = std::min(attention_tile, at.queries - first_query);
  pack_rows(at.q + query_row, at.channels, query_count, at.size, at.scale, packed, attention_tile,
            size);
  transpose_tile(packed, attention_tile, size, queries);

  const std::size_t keys_end = visible_keys(at, first_query);
  for (std::size_t first_key = 0; first_key < keys_end; first_key += attention_tile) {
    const ScoreTile tile(at, first_key, first_query);
    const std::size_t key_row = at.key_row(batch, head, first_key);
    pack_rows(at.k + key_row, at.channels, tile.key_count, at.size, 1.F, packed, attention_tile,
              size);
    tile_scores(tile, packed, size, queries, at.size, scores);
    online_softmax(tile, running, scores);
    if (at.dropout.active) {
      tile_words(at, batch, head, tile, word_rows, words);
      drop(at.dropout, tile, words, scores);
    }
    pack_rows(at.v + key_row, at.channels, tile.key_count, at.size, 1.F, values, attention_tile,
              size);
    for (std::size_t query = 0; query < tile.padded_queries(); query += attention_group) {
      gemm<Old::scale_rows_and_add>({attention_group, size, tile.keys_end(query)},
                                    {scores + query, 1, attention_tile}, values, size,
                                    output + query * size, size, running.rescale + query);
    }
  }
  finish_queries(at, query_row, at.statistic(batch, head, first_query), query_count, running,
                 output, y, lse);
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {
namespace {

HWY_EXPORT(attend);

constexpr std::size_t counter_operand = 3;

std::int64_t scratch_bytes(const AttentionProblem& at) {
  const std::size_t floats = 4 * attention_tile * at.padded_size() +
                             3 * attention_tile * attention_tile + 3 * attention_tile;
  return static_cast<std::int64_t>(floats * sizeof(float));
}

/// An item is a tile of queries of one head; late tiles, which see most keys, come first.
class AttentionKernel final : public ItemKernel {
 public:
  AttentionKernel(const AttentionProblem& at, const KernelArgs& args)
      : ItemKernel(args.threads, args.workspace, scratch_bytes(at)),
        at_(at),
        y_(reinterpret_cast<float*>(args.results[0])),
        lse_(reinterpret_cast<float*>(args.results[1])) {}

 private:
  std::int64_t items() const override {
    return static_cast<std::int64_t>(at_.batches * at_.heads * at_.query_tiles());
  }
  void run(std::int64_t item, std::byte* scratch) override {
    const std::size_t pairs = at_.batches * at_.heads;
    const std::size_t pair = static_cast<std::size_t>(item) % pairs;
    const std::size_t tile = at_.query_tiles() - 1 - static_cast<std::size_t>(item) / pairs;
    HWY_DYNAMIC_DISPATCH(attend)
    (at_, pair / at_.heads, pair % at_.heads, tile * attention_tile, scratch, y_, lse_);
  }

  AttentionProblem at_;
  float* y_;
  float* lse_;
};

}  // namespace

KernelRow kernel_attention() {
  return {.supports = supports_attention,
          .workspace =
              [](const ir::Graph& graph, const ir::Node& node, int threads) {
                return threads *
                       scratch_bytes(attention_problem(graph, node, nullptr, counter_operand));
              },
          .create = [](const ir::Graph& graph, const ir::Node& node,
                       const KernelArgs& args) -> std::unique_ptr<Kernel> {
            return std::make_unique<AttentionKernel>(
                attention_problem(graph, node, &args, counter_operand), args);
          }};
}

}  // namespace gptc::onednn
#endif

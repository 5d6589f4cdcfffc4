// What attention and its gradient share: the sizes, the pointers, and which parts of a tile count.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "backends/onednn/kernel.h"
#include "backends/onednn/round_up.h"
#include "ir/graph.h"

namespace gptc::onednn {

/// Scores are computed in tiles of this many keys by as many queries, and skipped in groups.
inline constexpr std::size_t attention_tile = 64;
inline constexpr std::size_t attention_group = 16;

/// Scores are in units of ln 2, so that weights are powers of two.
inline constexpr float log2_e = 1.44269504F;
inline constexpr float ln_2 = 0.693147181F;

/// Weights are made from so many vectors side by side.
inline constexpr std::size_t weight_chains = 4;

/// Stands for the score of a key that is not seen: finite, and no score is below it.
inline constexpr float hidden_score = -1e30F;

/// Dropout of the probabilities; element indices count in [B, H, Tq, Tk].
struct AttentionDropout {
  bool active = false;
  std::uint32_t threshold = 0;  // a word below it drops
  float kept_scale = 1.F;       // 1 / (1 - p)
  std::uint64_t key = 0;
  const std::int64_t* counter = nullptr;
};

/// Rows of f32 or bf16 somewhere in memory.
template <class Byte>
struct AttentionRows {
  Byte* data = nullptr;
  bool is_bf16 = false;
};

/// Rows in memory: `count` of `size` elements, `stride` elements apart.
struct SourceRows {
  AttentionRows<const std::byte> first;
  std::size_t stride = 0;
  std::size_t count = 0;
  std::size_t size = 0;

  template <class T>
  const T* row(std::size_t index) const {
    return reinterpret_cast<const T*>(first.data) + index * stride;
  }
};

struct AttentionProblem {
  std::size_t batches = 0;
  std::size_t heads = 0;
  std::size_t queries = 0;   // Tq
  std::size_t keys = 0;      // Tk
  std::size_t key_rows = 0;  // of a batch in memory: Tk, or as many as a cache has room for
  std::ptrdiff_t past = 0;   // causal: query q sees key k iff k <= q + past
  std::size_t channels = 0;  // H·D: the distance of two rows
  std::size_t q_stride = 0;  // of two queries: H·D, or more where q is columns of a wider tensor
  std::size_t size = 0;      // D
  bool by_head = false;      // keys and values lie in [B, H, S, D], as in caches; else [B, T, H·D]
  bool causal = false;
  float scale = 1.F;
  AttentionDropout dropout;

  bool is_bf16 = false;    // q, y and all gradients; statistics and sums are f32
  bool keys_bf16 = false;  // k and v
  const std::byte* q = nullptr;
  const std::byte* k = nullptr;
  const std::byte* v = nullptr;

  /// From an element on, counted from the tensor's first.
  template <class Byte>
  AttentionRows<Byte> rows(Byte* tensor, std::size_t element) const {
    return {tensor + element * (is_bf16 ? 2 : 4), is_bf16};
  }
  /// The same of k or v.
  AttentionRows<const std::byte> key_rows_at(const std::byte* tensor, std::size_t element) const {
    return {tensor + element * (keys_bf16 ? 2 : 4), keys_bf16};
  }
  std::size_t padded_size() const { return round_up(size, attention_group); }
  std::size_t query_tiles() const { return round_up(queries, attention_tile) / attention_tile; }
  std::size_t query_row(std::size_t batch, std::size_t head, std::size_t position) const {
    return row_of(channels, batch, head, position);
  }
  /// The same in q.
  std::size_t q_row(std::size_t batch, std::size_t head, std::size_t position) const {
    return row_of(q_stride, batch, head, position);
  }
  std::size_t row_of(std::size_t stride, std::size_t batch, std::size_t head,
                     std::size_t position) const {
    return (batch * queries + position) * stride + head * size;
  }
  std::size_t key_row(std::size_t batch, std::size_t head, std::size_t position) const {
    if (by_head) return ((batch * heads + head) * key_rows + position) * size;
    return (batch * key_rows + position) * channels + head * size;
  }
  /// The distance of two keys, and of two values.
  std::size_t key_stride() const { return by_head ? size : channels; }
  /// Index in [B, H, Tq].
  std::size_t statistic(std::size_t batch, std::size_t head, std::size_t position) const {
    return (batch * heads + head) * queries + position;
  }
};

/// And what the gradient reads and writes besides; results that nothing uses are null.
struct AttentionGradProblem : AttentionProblem {
  const std::byte* y = nullptr;
  const float* lse = nullptr;
  const std::byte* dy = nullptr;
  std::byte* dq = nullptr;
  std::byte* dk = nullptr;
  std::byte* dv = nullptr;
};

/// Every `parts`-th tile of queries of a head, from `part` on: so late tiles, which see most keys,
/// are shared out.
struct AttentionItem {
  std::size_t batch = 0;
  std::size_t head = 0;
  std::size_t part = 0;
  std::size_t parts = 1;

  /// Of `tiles`, more than `part`.
  std::size_t last_tile(std::size_t tiles) const { return tiles - 1 - (tiles - 1 - part) % parts; }
};

/// Sizes, attributes and q, k, v of an attention or attention_grad node; `counter_operand` is where
/// the counter stands if there is one.
AttentionProblem attention_problem(const ir::Graph& graph, const ir::Node& node,
                                   const KernelArgs* args, std::size_t counter_operand);
/// Of a cached_attention node, as if the caches were full; a run sets `keys` and `past` by batch.
AttentionProblem cached_attention_problem(const ir::Graph& graph, const ir::Node& node,
                                          const KernelArgs* args);
/// Whether the processor's dot product of bf16 does the work; f32 otherwise.
bool multiplies_pairs(const AttentionProblem& at);
/// Everything f32, or bf16 but for the statistics.
bool supports_attention(const ir::Graph& graph, const ir::Node& node);

/// softmax(mask(scale · q kᵀ)) v of the item's queries into y, with their log-sums if `lse` is not
/// null. `scratch` is the thread's own attention_scratch bytes.
void attend_head(const AttentionProblem& at, const AttentionItem& item, std::byte* scratch,
                 std::byte* y, float* lse);
std::int64_t attention_scratch(const AttentionProblem& at);

/// One tile of scores, key rows by query columns, that begins at key `first_key` and query
/// `first_query`. Groups of 16 x 16 that no query of theirs may see are never touched: group (j, g)
/// counts iff j <= g + ahead.
struct ScoreTile {
  std::size_t first_key = 0;
  std::size_t first_query = 0;
  std::size_t key_count = 0;    // the others of the tile are padding
  std::size_t query_count = 0;  // likewise
  std::ptrdiff_t delta = 0;     // query q of the tile sees key k iff k <= q + delta
  std::ptrdiff_t ahead = 0;     // ceil(delta / 16)

  ScoreTile(const AttentionProblem& at, std::size_t key, std::size_t query)
      : first_key(key),
        first_query(query),
        key_count(std::min(attention_tile, at.keys - key)),
        query_count(std::min(attention_tile, at.queries - query)) {
    const auto group = static_cast<std::ptrdiff_t>(attention_group);
    const auto all = static_cast<std::ptrdiff_t>(attention_tile);
    delta = at.causal
                ? static_cast<std::ptrdiff_t>(query) + at.past - static_cast<std::ptrdiff_t>(key)
                : all;
    delta = std::clamp(delta, -all, all);
    ahead = delta >= 0 ? (delta + group - 1) / group : -(-delta / group);
  }

  std::size_t padded_keys() const { return round_up(key_count, attention_group); }
  std::size_t padded_queries() const { return round_up(query_count, attention_group); }
  /// Whether every query sees every key, and no key is padding.
  bool whole() const {
    return key_count == attention_tile && delta >= static_cast<std::ptrdiff_t>(attention_tile) - 1;
  }
  /// The first query that the group of keys beginning at `key` needs (a multiple of 16).
  std::size_t queries_begin(std::size_t key) const {
    const auto group = static_cast<std::ptrdiff_t>(key / attention_group) - ahead;
    return std::min(padded_queries(),
                    attention_group * static_cast<std::size_t>(std::max<std::ptrdiff_t>(group, 0)));
  }
  /// One past the last key that the group of queries with `query` needs (a multiple of 16).
  std::size_t keys_end(std::size_t query) const {
    const auto group = static_cast<std::ptrdiff_t>(query / attention_group) + 1 + ahead;
    return std::min(padded_keys(),
                    attention_group * static_cast<std::size_t>(std::max<std::ptrdiff_t>(group, 0)));
  }
};

/// One past the last key that any query of the tile at `first_query` sees.
inline std::size_t visible_keys(const AttentionProblem& at, std::size_t first_query) {
  if (!at.causal) return at.keys;
  const std::size_t queries_end = std::min(at.queries, first_query + attention_tile);
  const std::ptrdiff_t end = static_cast<std::ptrdiff_t>(queries_end) + at.past;
  return std::clamp<std::size_t>(static_cast<std::size_t>(std::max<std::ptrdiff_t>(end, 1)), 1,
                                 at.keys);
}

}  // namespace gptc::onednn

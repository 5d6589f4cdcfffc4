// attention_grad: with P = exp(scores - lse) made again tile by tile, M the dropout and
// D = Σ dy·y: dv = M(P)ᵀ dy, dS = P (M(dy vᵀ) - D), dq = scale dS k, dk = scale dSᵀ q
// (Dao et al. 2022, FlashAttention). Scores stand as [key, query].
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/attention_grad.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/onednn/attention-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// A head's keys and values as rows, keys stacked, and what is summed over its tiles of queries.
struct HeadKeys {
  float* k;
  const float* k_stacked;
  float* v;
  float* dk;
  float* dv;
};

/// One tile of queries: q and dy transposed and stacked, and a number of each row.
struct QueryTile {
  float* rows;  // what is being packed
  const float* q;
  float* q_transposed;
  const float* dy;
  float* dy_transposed;
  float* dq;
  float* lse;
  float* mean;  // Σ dy·y
};

/// A tile of [key, query].
struct PairTile {
  float* scores;      // becomes M(P), rows
  float* dp;          // becomes dS, rows
  float* ds_stacked;  // and stacked over keys
  float* word_rows;
  float* words;
};

/// Products of q and k and of dy and v become M(P) and dS.
template <class F, bool kWhole>
HWY_INLINE void differentiate_by(const ScoreTile& tile, const QueryTile& rows,
                                 const PairTile& pairs, const AttentionProblem& problem) {
  const FloatTag d;
  const FloatVec scale = hn::Set(d, problem.scale * log2_e);
  for (std::size_t query = 0; query < tile.padded_queries(); query += hn::Lanes(d)) {
    const FloatVec lse = hn::Mul(hn::LoadU(d, rows.lse + query), hn::Set(d, log2_e));
    const FloatVec mean = hn::LoadU(d, rows.mean + query);
    const std::size_t end = tile.keys_end(query);
    for (std::size_t key = 0; key < end; key += weight_chains) {
      FloatVec p[weight_chains];
      FloatVec ds[weight_chains];
      for (std::size_t i = 0; i < weight_chains; ++i) {
        const float* product = pairs.scores + (key + i) * attention_tile + query;
        p[i] = hn::MulSub(hn::LoadU(d, product), scale, lse);
      }
      exp2_of(d, p);
      for (std::size_t i = 0; i < weight_chains; ++i) {
        const std::size_t at = (key + i) * attention_tile + query;
        if (!kWhole) p[i] = hn::IfThenElseZero(visible(tile, key + i, query), p[i]);
        FloatVec dp = hn::LoadU(d, pairs.dp + at);
        FloatVec dropped = p[i];
        if (problem.dropout.active) {
          const FloatVec keep = keep_factor(problem.dropout, pairs.words + at);
          dropped = hn::Mul(p[i], keep);
          dp = hn::Mul(dp, keep);
        }
        ds[i] = hn::Mul(p[i], hn::Sub(dp, mean));
        F::put_row(dropped, pairs.scores, key + i, query);
        F::put_row(ds[i], pairs.dp, key + i, query);
      }
      if constexpr (F::pack > 1) {
        for (std::size_t i = 0; i < weight_chains; i += 2)
          F::put_stacked(ds[i], ds[i + 1], pairs.ds_stacked, key + i, query);
      }
    }
  }
}

template <class F>
HWY_INLINE void differentiate(const ScoreTile& tile, const QueryTile& rows, const PairTile& pairs,
                              const AttentionProblem& problem) {
  if (tile.whole()) return differentiate_by<F, true>(tile, rows, pairs, problem);
  differentiate_by<F, false>(tile, rows, pairs, problem);
}

/// Adds the tile's part of dk, dv and dq.
template <class F>
HWY_INLINE void add_products(const ScoreTile& tile, std::size_t size, const HeadKeys& keys,
                             const QueryTile& rows, const PairTile& pairs) {
  const std::size_t offset = tile.first_key * size;
  for (std::size_t key = 0; key < tile.padded_keys(); key += attention_group) {
    const std::size_t begin = tile.queries_begin(key);
    const GemmSize shape{attention_group, size, (tile.padded_queries() - begin) / F::pack};
    const std::size_t pair = key * attention_tile + begin / F::pack;
    const std::size_t stacked = begin / F::pack * size;
    const std::size_t row = offset + key * size;
    F::template multiply<Old::add>(shape, {pairs.scores + pair, attention_tile, 1},
                                   rows.dy + stacked, size, keys.dv + row, size);
    F::template multiply<Old::add>(shape, {pairs.dp + pair, attention_tile, 1}, rows.q + stacked,
                                   size, keys.dk + row, size);
  }
  for (std::size_t query = 0; query < tile.padded_queries(); query += attention_group) {
    F::template multiply<Old::add>({attention_group, size, tile.keys_end(query) / F::pack},
                                   {pairs.ds_stacked + query, 1, attention_tile},
                                   keys.k_stacked + offset / F::pack, size, rows.dq + query * size,
                                   size);
  }
}

/// Σ a·b of two rows.
template <class T>
HWY_INLINE float row_product(const T* a, const T* b, std::size_t size) {
  const FloatTag d;
  FloatVec sum = hn::Zero(d);
  sweep(static_cast<std::int64_t>(size), [&](std::int64_t i, auto access) HWY_ATTR {
    sum = hn::MulAdd(load_any(access, a + i), load_any(access, b + i), sum);
  });
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

template <class F>
HWY_INLINE void load_queries(const AttentionGradProblem& at, const AttentionItem& item,
                             std::size_t first_query, QueryTile& rows) {
  const PaddedSize padded{attention_tile, at.padded_size()};
  const std::size_t row = at.query_row(item.batch, item.head, first_query);
  const std::size_t count = std::min(attention_tile, at.queries - first_query);
  const SourceRows dy{at.rows(at.dy, row), at.channels, count, at.size};
  const SourceRows y{at.rows(at.y, row), at.channels, count, at.size};
  // Rows that are stacked as they are stay where they were packed.
  const auto load = [&](const SourceRows& from, std::size_t place, float* transposed) HWY_ATTR {
    float* room = rows.rows + place * attention_tile * padded.size;
    float* packed = F::pack == 1 ? room : rows.rows;
    F::pack_rows(from, padded, packed);
    transpose_tile({packed, padded.size / F::pack}, attention_tile, padded.size / F::pack,
                   transposed);
    return F::stack(packed, padded, room);
  };
  rows.dy = load(dy, 1, rows.dy_transposed);
  rows.q = load({at.rows(at.q, row), at.channels, count, at.size}, 2, rows.q_transposed);
  std::fill_n(rows.mean, attention_tile, 0.F);
  for (std::size_t i = 0; i < count; ++i) {
    rows.mean[i] = at.is_bf16
                       ? row_product(dy.row<std::uint16_t>(i), y.row<std::uint16_t>(i), at.size)
                       : row_product(dy.row<float>(i), y.row<float>(i), at.size);
  }
  std::fill_n(rows.lse, attention_tile, 0.F);
  std::memcpy(rows.lse, at.lse + at.statistic(item.batch, item.head, first_query),
              count * sizeof(float));
  std::fill_n(rows.dq, attention_tile * padded.size, 0.F);
}

/// One head, whole: dk and dv are sums over the tiles of queries in order.
template <class F>
HWY_INLINE void attend_grad_item(const AttentionGradProblem& at, const AttentionItem& item,
                                 std::byte* memory) {
  const std::size_t size = at.padded_size();
  const std::size_t words = size / F::pack;
  const PaddedSize all{round_up(at.keys, attention_tile), size};
  Scratch scratch(memory);
  const auto head_floats = [&] { return scratch.floats(all.rows * size); };
  const auto tile_floats = [&] { return scratch.floats(attention_tile * size); };
  const auto pair_floats = [&] { return scratch.floats(attention_tile * attention_tile); };
  HeadKeys keys{head_floats(), nullptr, head_floats(), head_floats(), head_floats()};
  QueryTile rows{.rows = scratch.floats(3 * attention_tile * size),
                 .q = nullptr,
                 .q_transposed = tile_floats(),
                 .dy = nullptr,
                 .dy_transposed = tile_floats(),
                 .dq = tile_floats(),
                 .lse = scratch.floats(attention_tile),
                 .mean = scratch.floats(attention_tile)};
  PairTile pairs{.scores = pair_floats(),
                 .dp = pair_floats(),
                 .ds_stacked = nullptr,
                 .word_rows = nullptr,
                 .words = nullptr};
  pairs.ds_stacked = F::pack == 1 ? pairs.dp : pair_floats();
  if (at.dropout.active) {
    pairs.word_rows = pair_floats();
    pairs.words = pair_floats();
  }

  const std::size_t key_row = at.key_row(item.batch, item.head, 0);
  F::pack_rows({at.key_rows_at(at.k, key_row), at.channels, at.keys, at.size}, all, keys.k);
  F::pack_rows({at.key_rows_at(at.v, key_row), at.channels, at.keys, at.size}, all, keys.v);
  keys.k_stacked = F::stack(keys.k, all, keys.k + all.rows * words);
  std::fill_n(keys.dk, all.rows * size, 0.F);
  std::fill_n(keys.dv, all.rows * size, 0.F);

  for (std::size_t query = 0; query < at.queries; query += attention_tile) {
    load_queries<F>(at, item, query, rows);
    const std::size_t keys_end = visible_keys(at, query);
    for (std::size_t key = 0; key < keys_end; key += attention_tile) {
      const ScoreTile tile(at, key, query);
      tile_scores<F>(tile, keys.k + key * words, words, rows.q_transposed, pairs.scores);
      tile_scores<F>(tile, keys.v + key * words, words, rows.dy_transposed, pairs.dp);
      if (at.dropout.active)
        tile_words(at, item.batch, item.head, tile, pairs.word_rows, pairs.words);
      differentiate<F>(tile, rows, pairs, at);
      add_products<F>(tile, size, keys, rows, pairs);
    }
    if (at.dq != nullptr) {
      unpack_rows(rows.dq, size, std::min(attention_tile, at.queries - query), at.size, at.scale,
                  at.rows(at.dq, at.query_row(item.batch, item.head, query)), at.channels);
    }
  }
  const auto write = [&](const float* from, float scale, std::byte* to) HWY_ATTR {
    if (to == nullptr) return;
    unpack_rows(from, size, at.keys, at.size, scale, at.rows(to, key_row), at.channels);
  };
  write(keys.dk, at.scale, at.dk);
  write(keys.dv, 1.F, at.dv);
}

void attend_grad(const AttentionGradProblem& at, const AttentionItem& item, std::byte* memory) {
  if (multiplies_pairs(at)) return attend_grad_item<PairFactors>(at, item, memory);
  attend_grad_item<WideFactors>(at, item, memory);
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {
namespace {

HWY_EXPORT(attend_grad);

constexpr std::size_t counter_operand = 6;

std::int64_t scratch_bytes(const AttentionProblem& at) {
  const std::size_t floats = 4 * round_up(at.keys, attention_tile) * at.padded_size() +
                             6 * attention_tile * at.padded_size() + 2 * attention_tile +
                             (at.dropout.active ? 5 : 3) * attention_tile * attention_tile;
  return static_cast<std::int64_t>(floats * sizeof(float));
}

/// An item is a head.
class AttentionGradKernel final : public ItemKernel {
 public:
  AttentionGradKernel(const AttentionGradProblem& at, const KernelArgs& args)
      : ItemKernel(args.threads, args.workspace, scratch_bytes(at)), at_(at) {}

 private:
  std::int64_t items() const override { return static_cast<std::int64_t>(at_.batches * at_.heads); }
  void run(std::int64_t item, std::byte* scratch) override {
    const auto pair = static_cast<std::size_t>(item);
    HWY_DYNAMIC_DISPATCH(attend_grad)
    (at_, {.batch = pair / at_.heads, .head = pair % at_.heads}, scratch);
  }

  AttentionGradProblem at_;
};

std::unique_ptr<Kernel> create(const ir::Graph& graph, const ir::Node& node,
                               const KernelArgs& args) {
  AttentionGradProblem at{attention_problem(graph, node, &args, counter_operand)};
  at.y = args.operands[3];
  at.lse = reinterpret_cast<const float*>(args.operands[4]);
  at.dy = args.operands[5];
  at.dq = args.results[0];
  at.dk = args.results[1];
  at.dv = args.results[2];
  return std::make_unique<AttentionGradKernel>(at, args);
}

}  // namespace

KernelRow kernel_attention_grad() {
  return {.supports = supports_attention,
          .workspace =
              [](const ir::Graph& graph, const ir::Node& node, int threads) {
                return threads *
                       scratch_bytes(attention_problem(graph, node, nullptr, counter_operand));
              },
          .create = create};
}

}  // namespace gptc::onednn
#endif

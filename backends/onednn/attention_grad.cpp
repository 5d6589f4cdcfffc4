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

/// A head's keys, packed, and what is summed over its tiles of queries.
struct HeadKeys {
  float* k;
  float* v;
  float* dk;
  float* dv;
};

/// One tile of queries: q (scaled) and dy as rows and transposed, and a number of each row.
struct QueryTile {
  float* q;
  float* q_transposed;
  float* dy;
  float* dy_transposed;
  float* dq;
  float* lse;
  float* mean;  // Σ dy·y
};

/// A tile of [key, query].
struct PairTile {
  float* scores;  // becomes M(P)
  float* dp;      // becomes dS
  float* word_rows;
  float* words;
};

/// Scores and dy·v become M(P) and dS.
HWY_INLINE void differentiate(const ScoreTile& tile, const QueryTile& rows, const PairTile& pairs,
                              const AttentionDropout& dropout) {
  const FloatTag d;
  const bool whole = tile.whole();
  for (std::size_t query = 0; query < tile.padded_queries(); query += hn::Lanes(d)) {
    const FloatVec lse = hn::LoadU(d, rows.lse + query);
    const FloatVec mean = hn::LoadU(d, rows.mean + query);
    const std::size_t end = tile.keys_end(query);
    for (std::size_t key = 0; key < end; ++key) {
      const std::size_t at = key * attention_tile + query;
      FloatVec p = exp_of(d, hn::Sub(hn::LoadU(d, pairs.scores + at), lse));
      if (!whole) p = hn::IfThenElseZero(visible(tile, key, query), p);
      FloatVec dp = hn::LoadU(d, pairs.dp + at);
      FloatVec dropped = p;
      if (dropout.active) {
        const FloatVec keep = keep_factor(dropout, pairs.words + at);
        dropped = hn::Mul(p, keep);
        dp = hn::Mul(dp, keep);
      }
      hn::StoreU(dropped, d, pairs.scores + at);
      hn::StoreU(hn::Mul(p, hn::Sub(dp, mean)), d, pairs.dp + at);
    }
  }
}

/// Adds the tile's part of dk, dv and dq.
HWY_INLINE void add_products(const ScoreTile& tile, std::size_t size, const HeadKeys& keys,
                             const QueryTile& rows, const PairTile& pairs) {
  const std::size_t offset = tile.first_key * size;
  for (std::size_t key = 0; key < tile.padded_keys(); key += attention_group) {
    const std::size_t begin = tile.queries_begin(key);
    const GemmSize shape{attention_group, size, tile.padded_queries() - begin};
    const std::size_t pair = key * attention_tile + begin;
    const std::size_t row = offset + key * size;
    gemm<Old::add>(shape, {pairs.scores + pair, attention_tile, 1}, rows.dy + begin * size, size,
                   keys.dv + row, size);
    gemm<Old::add>(shape, {pairs.dp + pair, attention_tile, 1}, rows.q + begin * size, size,
                   keys.dk + row, size);
  }
  for (std::size_t query = 0; query < tile.padded_queries(); query += attention_group) {
    gemm<Old::add>({attention_group, size, tile.keys_end(query)},
                   {pairs.dp + query, 1, attention_tile}, keys.k + offset, size,
                   rows.dq + query * size, size);
  }
}

HWY_INLINE void load_queries(const AttentionGradProblem& at, std::size_t batch, std::size_t head,
                             std::size_t first_query, const QueryTile& rows) {
  const FloatTag d;
  const std::size_t size = at.padded_size();
  const std::size_t row = at.query_row(batch, head, first_query);
  const std::size_t count = std::min(attention_tile, at.queries - first_query);
  // y passes through dq's memory.
  pack_rows(at.y + row, at.channels, count, at.size, 1.F, rows.dq, attention_tile, size);
  pack_rows(at.dy + row, at.channels, count, at.size, 1.F, rows.dy, attention_tile, size);
  pack_rows(at.q + row, at.channels, count, at.size, at.scale, rows.q, attention_tile, size);
  transpose_tile(rows.dy, attention_tile, size, rows.dy_transposed);
  transpose_tile(rows.q, attention_tile, size, rows.q_transposed);
  for (std::size_t query = 0; query < attention_tile; ++query) {
    FloatVec sum = hn::Zero(d);
    for (std::size_t i = 0; i < size; i += hn::Lanes(d)) {
      sum = hn::MulAdd(hn::LoadU(d, rows.dy + query * size + i),
                       hn::LoadU(d, rows.dq + query * size + i), sum);
    }
    rows.mean[query] = hn::GetLane(hn::SumOfLanes(d, sum));
  }
  std::fill_n(rows.lse, attention_tile, 0.F);
  std::memcpy(rows.lse, at.lse + at.statistic(batch, head, first_query), count * sizeof(float));
  std::fill_n(rows.dq, attention_tile * size, 0.F);
}

/// One head, whole: dk and dv are sums over the tiles of queries in order.
void attend_grad(const AttentionGradProblem& at, std::size_t batch, std::size_t head,
                 std::byte* memory) {
  const std::size_t size = at.padded_size();
  const std::size_t padded_keys = round_up(at.keys, attention_tile);
  Scratch scratch(memory);
  const auto head_floats = [&] { return scratch.floats(padded_keys * size); };
  const auto tile_floats = [&] { return scratch.floats(attention_tile * size); };
  const auto pair_floats = [&] { return scratch.floats(attention_tile * attention_tile); };
  const HeadKeys keys{head_floats(), head_floats(), head_floats(), head_floats()};
  const QueryTile rows{tile_floats(),
                       tile_floats(),
                       tile_floats(),
                       tile_floats(),
                       tile_floats(),
                       scratch.floats(attention_tile),
                       scratch.floats(attention_tile)};
  const PairTile pairs{pair_floats(), pair_floats(), pair_floats(), pair_floats()};

  const std::size_t key_row = at.key_row(batch, head, 0);
  pack_rows(at.k + key_row, at.channels, at.keys, at.size, 1.F, keys.k, padded_keys, size);
  pack_rows(at.v + key_row, at.channels, at.keys, at.size, 1.F, keys.v, padded_keys, size);
  std::fill_n(keys.dk, padded_keys * size, 0.F);
  std::fill_n(keys.dv, padded_keys * size, 0.F);

  for (std::size_t query = 0; query < at.queries; query += attention_tile) {
    load_queries(at, batch, head, query, rows);
    const std::size_t keys_end = visible_keys(at, query);
    for (std::size_t key = 0; key < keys_end; key += attention_tile) {
      const ScoreTile tile(at, key, query);
      tile_scores(tile, keys.k + key * size, size, rows.q_transposed, at.size, pairs.scores);
      tile_scores(tile, keys.v + key * size, size, rows.dy_transposed, at.size, pairs.dp);
      if (at.dropout.active) tile_words(at, batch, head, tile, pairs.word_rows, pairs.words);
      differentiate(tile, rows, pairs, at.dropout);
      add_products(tile, size, keys, rows, pairs);
    }
    if (at.dq != nullptr) {
      unpack_rows(rows.dq, size, std::min(attention_tile, at.queries - query), at.size, at.scale,
                  at.dq + at.query_row(batch, head, query), at.channels);
    }
  }
  const auto write = [&](const float* from, float* to) HWY_ATTR {
    if (to != nullptr) unpack_rows(from, size, at.keys, at.size, 1.F, to + key_row, at.channels);
  };
  write(keys.dk, at.dk);
  write(keys.dv, at.dv);
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
                             5 * attention_tile * at.padded_size() + 2 * attention_tile +
                             4 * attention_tile * attention_tile;
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
    HWY_DYNAMIC_DISPATCH(attend_grad)(at_, pair / at_.heads, pair % at_.heads, scratch);
  }

  AttentionGradProblem at_;
};

std::unique_ptr<Kernel> create(const ir::Graph& graph, const ir::Node& node,
                               const KernelArgs& args) {
  AttentionGradProblem at{attention_problem(graph, node, &args, counter_operand)};
  at.y = reinterpret_cast<const float*>(args.operands[3]);
  at.lse = reinterpret_cast<const float*>(args.operands[4]);
  at.dy = reinterpret_cast<const float*>(args.operands[5]);
  at.dq = reinterpret_cast<float*>(args.results[0]);
  at.dk = reinterpret_cast<float*>(args.results[1]);
  at.dv = reinterpret_cast<float*>(args.results[2]);
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

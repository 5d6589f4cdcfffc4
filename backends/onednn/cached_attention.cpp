// cached_attention: new queries against the keys and values in caches. Several are attention by
// tiles. A lone one, as in every step of decoding, meets the caches where they lie.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/cached_attention.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/onednn/attention-inl.h"
#include "backends/onednn/lone_attention-inl.h"

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

HWY_INLINE HeadTile head_tile(const AttentionProblem& at, const AttentionItem& item,
                              std::size_t first_key) {
  const std::size_t row = at.key_row(item.batch, item.head, first_key);
  const std::size_t count = std::min(attention_tile, at.keys - first_key);
  return {{at.key_rows_at(at.k, row), at.key_stride(), count, at.size},
          {at.key_rows_at(at.v, row), at.key_stride(), count, at.size},
          at.key_rows - first_key};
}

/// Rows where they lie if whole groups of them can be read there, behind `count` perhaps what an
/// earlier text has left; else packed into `own.rows`.
template <class F>
HWY_INLINE SourceRows readable(const SourceRows& rows, std::size_t room, std::size_t size,
                               const LoneScratch& own) {
  const std::size_t padded = round_up(rows.count, attention_group);
  const bool as_multiplied = F::pack == 1 || rows.first.is_bf16;
  if (rows.size == size && padded <= room && as_multiplied) return rows;
  F::pack_rows(rows, {padded, size}, own.rows);
  return {{reinterpret_cast<const std::byte*>(own.rows), F::pack == 2}, size, rows.count, size};
}

/// A head's only query: what attention by tiles does, with the same roundings. Fetches what
/// `follows`, the first tile of the next head.
template <class Lone>
HWY_INLINE void attend_lone(const AttentionProblem& at, const AttentionItem& item,
                            const HeadTile& follows, std::byte* memory, std::byte* y) {
  using F = typename Lone::Factors;
  const FloatTag d;
  const std::size_t size = at.padded_size();
  Scratch scratch(memory);
  const LoneScratch own = {scratch.floats(attention_tile * size), scratch.floats(size),
                           scratch.floats(attention_tile), scratch.floats(size)};
  const std::size_t row = at.query_row(item.batch, item.head, 0);
  const std::size_t q_row = at.q_row(item.batch, item.head, 0);
  F::pack_rows({at.rows(at.q, q_row), at.q_stride, 1, at.size}, {1, size}, own.query);
  std::fill_n(own.output, size, 0.F);
  float max = hidden_score;
  float sum = 0;
  for (std::size_t first = 0; first < at.keys; first += attention_tile) {
    const HeadTile tile = head_tile(at, item, first);
    const bool last = first + attention_tile >= at.keys;
    Fetch next(last ? follows : head_tile(at, item, first + attention_tile));
    Lone::score(own, readable<F>(tile.keys, tile.room, size, own), next);
    const float old_max = max;
    const float added = weigh(at.scale * log2_e, tile.keys.count, own.weights, max);
    FloatVec factor[] = {hn::Set(d, old_max - max)};
    exp2_of(d, factor);
    const float rescale = hn::GetLane(factor[0]);
    sum = __builtin_fmaf(sum, rescale, added);
    Lone::add(own, readable<F>(tile.values, tile.room, size, own), rescale, next);
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
      attend_lone<LonePairs>(at, item, follows, memory, y);
    } else {
      attend_lone<LoneWide>(at, item, follows, memory, y);
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
  const std::size_t floats = (attention_tile + 2) * at.padded_size() + attention_tile;
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

// What a graph over new positions only needs: where they stand, and the rows that earlier ones left
// in caches. `past` i32[B] says how many positions of each row came before.
#include <cmath>
#include <limits>
#include <optional>

#include "ir/ops/rules.h"

namespace gptc::ir {
namespace {

using rules::require;

std::vector<Type> infer_positions(const InferContext& context) {
  rules::require_ids(context, 0);
  const Type& past = context.operand(0);
  require(context, past.shape.rank() == 1, "past must have 1 axis", past);
  const std::int64_t limit = context.attrs.integer("limit");
  require(context, limit > 0, "limit must be above 0", limit);
  const std::int64_t first = context.attrs.integer("first");
  require(context, first >= 0, "first must not be below 0", first);
  return {{DType::i32, Shape{past.shape[0], rules::size_of(context)}}};
}

/// x[B,S,...] with past i32[B] as the operand `past`.
void require_cache(const InferContext& context, std::size_t past) {
  rules::require_min_rank(context, 0, 2);
  rules::require_ids(context, past, Shape{context.operand(0).shape[0]});
}

/// H·D of a cache[B,H,S,D].
std::optional<Dim> width_of(const Shape& cache) {
  if (cache.rank() != 4 || cache[1].is_named() || cache[3].is_named()) return std::nullopt;
  return Dim(cache[1].size() * cache[3].size());
}

/// The operand's type as far as the op reads it: from column `start` on as many as `width`.
Type columns_of(const InferContext& context, std::size_t operand, Dim width) {
  Type type = context.operand(operand);
  const std::int64_t start = context.attrs.integer("start");
  require(context, start >= -1, "start must not be below -1", start);
  if (start < 0) return type;
  require(context, type.shape.rank() > 2, "columns must stand behind the positions", type);
  const Dim whole = type.shape.back();
  require(context, !whole.is_named() && !width.is_named() && start <= whole.size() - width.size(),
          "the columns from start on must lie within the last axis", start, type);
  type.shape[type.shape.rank() - 1] = width;
  return type;
}

AttrSpec start_spec(const char* doc) { return {"start", AttrKind::integer, std::int64_t{-1}, doc}; }

/// x[B,N,...] for a cache[B,S,...]; x[B,N,H·D] for a cache[B,H,S,D]; f32 for bf16, too.
std::vector<Type> infer_cache_write(const InferContext& context) {
  require_cache(context, 2);
  const Type& cache = context.operand(0);
  Type wanted = cache;
  if (context.operand(1).shape.rank() == 3) {
    if (const auto width = width_of(cache.shape))
      wanted.shape = {cache.shape[0], cache.shape[2], *width};
  }
  const Type x = columns_of(context, 1, wanted.shape.back());
  if (x.shape.rank() > 1) wanted.shape[1] = x.shape[1];
  if (cache.dtype == DType::bf16 && x.dtype == DType::f32) wanted.dtype = DType::f32;
  require(context, x == wanted, "x must be like the cache but for its length", x, cache);
  return {cache};
}

std::vector<Type> infer_cache_read(const InferContext& context) {
  require_cache(context, 1);
  const std::int64_t by = context.attrs.integer("by");
  require(context, by >= 0 && by <= std::numeric_limits<std::int32_t>::max(),
          "by must not be below 0 and must fit 32 bits", by);
  Type result = context.operand(0);
  result.shape[1] = rules::size_of(context);
  return {result};
}

std::vector<Type> infer_cached_attention(const InferContext& context) {
  rules::require_float(context, 0);
  require(context, context.operand(0).shape.rank() == 3, "q must have 3 axes", context.operand(0));
  rules::require_dtype_of_first_or_bf16(context, 1);
  const Type& k = context.operand(1);
  require(context, k.shape.rank() == 4, "k must have 4 axes", k);
  const Type q = columns_of(context, 0, width_of(k.shape).value_or(context.operand(0).shape[2]));
  require(context, k.shape[0] == q.shape[0], "k must have the batch of q", k, q);
  require(context, width_of(k.shape) == q.shape[2], "the last axis of q must hold the heads of k",
          q, k);
  rules::require_type(context, 2, k);
  rules::require_ids(context, 3, Shape{q.shape[0]});
  const double scale = context.attrs.real("scale");
  require(context, std::isfinite(scale), "scale must be finite", scale);
  return {q};
}

std::vector<Value> decompose_cached_attention(Builder& b, const Node& node,
                                              std::span<const Value> operands) {
  const double scale = node.attrs.real("scale");
  const Type type = node.results[0];
  const Shape& cache = b.type(operands[1]).shape;
  const Value past = operands[3];
  const DType sums = rules::stat_dtype(type.dtype);
  const std::int64_t start = node.attrs.integer("start");
  const Value own =
      start < 0
          ? operands[0]
          : b.op(OpKind::slice, {operands[0]},
                 {{"axis", std::int64_t{2}}, {"start", start}, {"size", Shape{type.shape[2]}}});
  const Value parts = b.reshape(own, {type.shape[0], type.shape[1], cache[1], cache[3]});
  const Value q = rules::cast_to(b, b.transpose(parts, {0, 2, 1, 3}), sums);
  const Value k = rules::cast_to(b, operands[1], sums);
  const Value v = rules::cast_to(b, operands[2], sums);
  const Value scaled = b.scale(b.matmul(q, k, {.transpose_b = true}), scale);
  const double hidden = -std::numeric_limits<double>::infinity();
  const Value masked = b.op(OpKind::causal_mask, {scaled, past}, {{"fill", hidden}});
  const Value y = b.matmul(b.op(OpKind::softmax, {masked}), v);
  return {rules::cast_to(b, b.reshape(b.transpose(y, {0, 2, 1, 3}), type.shape), type.dtype)};
}

/// At most: caches may be filled in part.
double flops_cached_attention(const Graph& graph, const Node& node) {
  const Shape& q = node.results[0].shape;
  const auto keys = static_cast<double>(graph.type(node.operands[1]).shape[2].size());
  return 4 * static_cast<double>(q.numel()) * keys;
}

double no_flops(const Graph&, const Node&) { return 0; }

AttrSpec size_spec() {
  return {"size", AttrKind::shape, std::nullopt, "N, how many positions, as a shape of one"};
}

}  // namespace

const OpDef& op_positions() {
  static const OpDef def = {
      .kind = OpKind::positions,
      .name = "positions",
      .doc =
          "past i32[B] -> i32[B,N]: first + past[b] + i, at most limit - 1 (padding behind the "
          "last position there is).",
      .operands = {{"past"}},
      .attributes = {size_spec(),
                     {"limit", AttrKind::integer, std::nullopt, "one past the last position"},
                     {"first", AttrKind::integer, std::int64_t{0}, "added to each"}},
      .infer = infer_positions,
      .flops = no_flops,
  };
  return def;
}

const OpDef& op_cache_write() {
  static const OpDef def = {
      .kind = OpKind::cache_write,
      .name = "cache_write",
      .doc =
          "cache[B,S,...], x[B,N,...], past i32[B] -> the cache with x as its rows past[b] … "
          "past[b] + N - 1; rows behind the last are dropped. Into a cache[B,H,S,D], where every "
          "head's rows lie one behind the other, goes x[B,N,H·D]. A bf16 cache rounds f32.",
      .operands = {{"cache"}, {"x"}, {"past"}},
      .attributes = {start_spec("the first of x's columns that are written; -1: x has no others")},
      .infer = infer_cache_write,
      .in_place = {{0, 0}},
      .flops = no_flops,
      .columns = 1,
  };
  return def;
}

const OpDef& op_cache_read() {
  static const OpDef def = {
      .kind = OpKind::cache_read,
      .name = "cache_read",
      .doc =
          "cache[B,S,...], past i32[B] -> [B,N,...]: rows past[b] + i - by, zeros where there is "
          "no such row.",
      .operands = {{"cache"}, {"past"}},
      .attributes = {size_spec(), {"by", AttrKind::integer, std::nullopt, "how far back"}},
      .infer = infer_cache_read,
      .flops = no_flops,
  };
  return def;
}

const OpDef& op_cached_attention() {
  static const OpDef def = {
      .kind = OpKind::cached_attention,
      .name = "cached_attention",
      .doc =
          "q[B,N,H·D], k, v [B,H,S,D], past i32[B] -> y[B,N,H·D]: attention of queries at the "
          "positions past[b] + i to the keys up to their own position.",
      .operands = {{"q"}, {"k"}, {"v"}, {"past"}},
      .attributes = {{"scale", AttrKind::real, std::nullopt, "of the scores: 1/√D in GPT-2"},
                     start_spec("the first of q's columns that are read; -1: q has no others")},
      .infer = infer_cached_attention,
      .decompose = decompose_cached_attention,
      .flops = flops_cached_attention,
      .columns = 0,
  };
  return def;
}

}  // namespace gptc::ir

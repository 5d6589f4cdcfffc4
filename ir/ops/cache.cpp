// What a graph over new positions only needs: where they stand, and the rows that earlier ones left
// in caches. `past` i32[B] says how many positions of each row came before.
#include <cmath>
#include <limits>

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

std::vector<Type> infer_cache_write(const InferContext& context) {
  require_cache(context, 2);
  const Type& cache = context.operand(0);
  const Type& x = context.operand(1);
  Type wanted = cache;
  if (x.shape.rank() > 1) wanted.shape[1] = x.shape[1];
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
  const Type& q = context.operand(0);
  require(context, q.shape.rank() == 3, "q must have 3 axes", q);
  rules::require_dtype_of_first(context, 1);
  const Type& k = context.operand(1);
  require(context, k.shape.rank() == 3 && k.shape[0] == q.shape[0] && k.shape[2] == q.shape[2],
          "k must be like q but for its length", k, q);
  rules::require_type(context, 2, k);
  rules::require_ids(context, 3, Shape{q.shape[0]});
  const std::int64_t heads = context.attrs.integer("heads");
  const Dim width = q.shape[2];
  require(context, heads > 0 && !width.is_named() && width.size() % heads == 0,
          "heads must divide the last axis of q", heads, q);
  const double scale = context.attrs.real("scale");
  require(context, std::isfinite(scale), "scale must be finite", scale);
  return {q};
}

/// [B,T,H·D] -> [B,H,T,D] in the dtype of sums.
Value by_head(Builder& b, Value x, std::int64_t heads) {
  const Type type = b.type(x);
  const Dim size(type.shape[2].size() / heads);
  const Value parts = b.reshape(x, {type.shape[0], type.shape[1], Dim(heads), size});
  return rules::cast_to(b, b.transpose(parts, {0, 2, 1, 3}), rules::stat_dtype(type.dtype));
}

std::vector<Value> decompose_cached_attention(Builder& b, const Node& node,
                                              std::span<const Value> operands) {
  const std::int64_t heads = node.attrs.integer("heads");
  const double scale = node.attrs.real("scale");
  const Type type = b.type(operands[0]);
  const Value past = operands[3];
  const Value q = by_head(b, operands[0], heads);
  const Value k = by_head(b, operands[1], heads);
  const Value v = by_head(b, operands[2], heads);
  const Value scaled = b.scale(b.matmul(q, k, {.transpose_b = true}), scale);
  const double hidden = -std::numeric_limits<double>::infinity();
  const Value masked = b.op(OpKind::causal_mask, {scaled, past}, {{"fill", hidden}});
  const Value y = b.matmul(b.op(OpKind::softmax, {masked}), v);
  return {rules::cast_to(b, b.reshape(b.transpose(y, {0, 2, 1, 3}), type.shape), type.dtype)};
}

/// At most: caches may be filled in part.
double flops_cached_attention(const Graph& graph, const Node& node) {
  const Shape& q = graph.type(node.operands[0]).shape;
  const auto keys = static_cast<double>(graph.type(node.operands[1]).shape[1].size());
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
          "past[b] + N - 1; rows behind the last are dropped.",
      .operands = {{"cache"}, {"x"}, {"past"}},
      .infer = infer_cache_write,
      .in_place = {{0, 0}},
      .flops = no_flops,
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
          "q[B,N,H·D], k, v [B,S,H·D], past i32[B] -> y[B,N,H·D]: attention of queries at the "
          "positions past[b] + i to the keys up to their own position.",
      .operands = {{"q"}, {"k"}, {"v"}, {"past"}},
      .attributes = {{"heads", AttrKind::integer, std::nullopt,
                      "H; head h is columns h·D … of the last axis"},
                     {"scale", AttrKind::real, std::nullopt, "of the scores: 1/√D in GPT-2"}},
      .infer = infer_cached_attention,
      .decompose = decompose_cached_attention,
      .flops = flops_cached_attention,
  };
  return def;
}

}  // namespace gptc::ir

// Multi-head attention (Vaswani et al. 2017); the gradient from the row statistics lse (Dao et al.
// 2022, FlashAttention).
#include <cmath>
#include <limits>

#include "ir/ops/incremental.h"
#include "ir/ops/rules.h"

namespace gptc::ir {
namespace {

using rules::Grads;
using rules::require;

// -- inference ------------------------------------------------------------------------------------

std::int64_t require_heads(const InferContext& context, const Type& q) {
  const std::int64_t heads = context.attrs.integer("heads");
  const Dim width = q.shape.back();
  require(context, heads > 0 && !width.is_named() && width.size() % heads == 0,
          "heads must divide the last axis of q", heads, q);
  return heads;
}

void require_counter_iff_random(const InferContext& context, std::size_t counter) {
  rules::require_real(context, "p", 0, 1);
  const bool given = context.operands.size() > counter;
  const double p = context.attrs.real("p");
  require(context, given == (p > 0), "there must be a counter where p > 0, and none where p is 0",
          fmt::format("p = {} {} counter", rules::text(p), given ? "with a" : "without"));
  if (given) rules::require_counter(context, counter);
}

/// q[B,Tq,C], k and v [B,Tk,C] and the attributes; gives lse's type.
Type require_attention(const InferContext& context, std::size_t counter) {
  rules::require_float(context, 0);
  const Type& q = context.operand(0);
  const Type& k = context.operand(1);
  require(context, q.shape.rank() == 3, "q must have 3 axes", q);
  rules::require_dtype_of_first_or_bf16(context, 1);
  require(context, k.shape.rank() == 3 && k.shape[0] == q.shape[0] && k.shape[2] == q.shape[2],
          "k must be like q but for its length", k, q);
  rules::require_type(context, 2, k);
  const std::int64_t heads = require_heads(context, q);
  const double scale = context.attrs.real("scale");
  require(context, std::isfinite(scale), "scale must be finite", scale);
  const Dim queries = q.shape[1];
  const Dim keys = k.shape[1];
  require(context,
          !context.attrs.flag("causal") || queries.is_named() || keys.is_named() ||
              keys.size() >= queries.size(),
          "causal attention needs at least as many keys as queries", q, k);
  require_counter_iff_random(context, counter);
  return {rules::stat_dtype(q.dtype), Shape{q.shape[0], Dim(heads), queries}};
}

std::vector<Type> infer_attention(const InferContext& context) {
  const Type lse = require_attention(context, 3);
  return {context.operand(0), lse};
}

std::vector<Type> infer_attention_grad(const InferContext& context) {
  rules::require_dtype_of_first(context, 1);
  const Type lse = require_attention(context, 6);
  rules::require_type(context, 3, context.operand(0));
  rules::require_type(context, 4, lse);
  rules::require_type(context, 5, context.operand(0));
  return {context.operand(0), context.operand(1), context.operand(2)};
}

// -- decomposition --------------------------------------------------------------------------------

/// The attributes and a builder, copied out before new nodes may move the old ones.
struct Attention {
  Builder& b;
  std::int64_t heads;
  double scale;
  bool causal;
  double p;
  std::uint64_t key;
  DType dtype;                   // of q
  std::optional<Value> counter;  // where p > 0

  Attention(Builder& builder, const Node& node, std::span<const Value> operands,
            std::size_t counter_at)
      : b(builder),
        heads(node.attrs.integer("heads")),
        scale(node.attrs.real("scale")),
        causal(node.attrs.flag("causal")),
        p(node.attrs.real("p")),
        key(node.attrs.key("rng_key")),
        dtype(builder.type(operands[0]).dtype) {
    if (operands.size() > counter_at) counter = operands[counter_at];
  }

  /// [B,T,H·D] -> [B,H,T,D] in the dtype of statistics.
  Value split(Value x) const {
    const Shape shape = b.shape(x);
    const Dim width(shape[2].size() / heads);
    const Value parts = b.reshape(x, {shape[0], shape[1], Dim(heads), width});
    return rules::cast_to(b, b.transpose(parts, {0, 2, 1, 3}), rules::stat_dtype(dtype));
  }
  /// [B,H,T,D] -> [B,T,H·D] in q's dtype.
  Value merge(Value x) const {
    const Shape shape = b.shape(x);
    const Dim width(shape[1].size() * shape[3].size());
    const Value joined = b.reshape(b.transpose(x, {0, 2, 1, 3}), {shape[0], shape[2], width});
    return rules::cast_to(b, joined, dtype);
  }
  /// Scaled, masked scores [B,H,Tq,Tk].
  Value scores(Value q, Value k) const {
    const Value scaled = b.scale(b.matmul(q, k, {.transpose_b = true}), scale);
    if (!causal) return scaled;
    const double hidden = -std::numeric_limits<double>::infinity();
    return b.op(OpKind::causal_mask, {scaled}, {{"fill", hidden}});
  }
  Value drop(Value x) const {
    if (!counter) return x;
    return b.op(OpKind::dropout, {x, *counter}, {{"p", p}, {"rng_key", key}});
  }
};

std::vector<Value> decompose_attention(Builder& b, const Node& node,
                                       std::span<const Value> operands) {
  const Attention at(b, node, operands, 3);
  const Value v = at.split(operands[2]);
  const Value s = at.scores(at.split(operands[0]), at.split(operands[1]));
  const Value max = b.row_max(s);
  const Value column = b.add(max, b.log(b.row_sum(b.exp(b.sub(s, max)))));
  const Value lse = b.reshape(column, rules::without_last(b.shape(column)));
  const Value dropped = at.drop(b.op(OpKind::softmax, {s}));
  return {at.merge(b.matmul(dropped, v)), lse};
}

// With P = exp(s - lse) and M the dropout: dV = M(P)ᵀ dY, dP = M(dY Vᵀ),
// dS = P (dP - Σ dY Y), dQ = scale dS K, dK = scale dSᵀ Q.
std::vector<Value> decompose_attention_grad(Builder& b, const Node& node,
                                            std::span<const Value> operands) {
  const Attention at(b, node, operands, 6);
  const Value q = at.split(operands[0]);
  const Value k = at.split(operands[1]);
  const Value v = at.split(operands[2]);
  const Value y = at.split(operands[3]);
  const Value lse = b.reshape(operands[4], rules::as_column(b.shape(operands[4])));
  const Value dy = at.split(operands[5]);
  const Value probabilities = b.exp(b.sub(at.scores(q, k), lse));
  const Value dv = b.matmul(at.drop(probabilities), dy, {.transpose_a = true});
  const Value dp = at.drop(b.matmul(dy, v, {.transpose_b = true}));
  const Value ds = b.mul(probabilities, b.sub(dp, b.row_sum(b.mul(dy, y))));
  const Value dscores = b.scale(ds, at.scale);
  const Value dq = b.matmul(dscores, k);
  const Value dk = b.matmul(dscores, q, {.transpose_a = true});
  return {at.merge(dq), at.merge(dk), at.merge(dv)};
}

// -- gradient and cost ----------------------------------------------------------------------------

Grads vjp_attention(const VjpContext& c) {
  const Node& node = c.graph[c.node];
  user_check(!c.grads[1].has_value(),
             "attention: lse may not lead to a loss, but got a gradient for it at {}:{} ({})",
             node.origin.file, node.origin.line, node.origin.scope);
  std::vector<Value> operands = {c.operand(0), c.operand(1), c.operand(2),
                                 c.result(0),  c.result(1),  rules::grad(c)};
  const bool random = node.operands.size() > 3;
  if (random) operands.push_back(c.operand(3));
  const Attrs attrs = node.attrs;
  const NodeId made = c.builder.node(OpKind::attention_grad, std::move(operands), attrs);
  Grads grads = {Value{made, 0}, Value{made, 1}, Value{made, 2}};
  if (random) grads.emplace_back();
  return grads;
}

/// Multiply-adds of one product over the pairs (query, key) that count: half of a square where
/// causal.
double flops_of_product(const Graph& graph, const Node& node) {
  const Shape& q = graph.type(node.operands[0]).shape;
  const double queries = static_cast<double>(q[1].size());
  const double keys = static_cast<double>(graph.type(node.operands[1]).shape[1].size());
  const double pairs = node.attrs.flag("causal") ? queries * (keys - queries / 2) : queries * keys;
  return 2 * static_cast<double>(q[0].size()) * static_cast<double>(q[2].size()) * pairs;
}

double flops_attention(const Graph& graph, const Node& node) {
  return 2 * flops_of_product(graph, node);
}
double flops_attention_grad(const Graph& graph, const Node& node) {
  return 4 * flops_of_product(graph, node);
}

std::vector<AttrSpec> attention_attributes() {
  return {{"heads", AttrKind::integer, std::nullopt, "H; head h is columns h·D … of the last axis"},
          {"scale", AttrKind::real, std::nullopt, "of the scores, before the mask: 1/√D in GPT-2"},
          {"causal", AttrKind::boolean, false, "query q sees keys up to q + Tk - Tq"},
          {"p", AttrKind::real, 0.0, "dropout of the probabilities, in [0, 1)"},
          {"rng_key", AttrKind::key, std::uint64_t{0}, "of the dropout"}};
}

}  // namespace

const OpDef& op_attention() {
  static const OpDef def = {
      .kind = OpKind::attention,
      .name = "attention",
      .doc =
          "q[B,Tq,H·D], k, v [B,Tk,H·D], counter i64[] where p > 0 -> y[B,Tq,H·D] = "
          "dropout(softmax(mask(scale · q kᵀ))) v by head, lse f32[B,H,Tq] = log Σ exp of the "
          "scaled, masked scores. Dropout counts elements of [B,H,Tq,Tk].",
      .operands = {{"q"}, {"k"}, {"v"}, {"counter", Arity::optional}},
      .attributes = attention_attributes(),
      .traits = Trait::random,
      .infer = infer_attention,
      .vjp = vjp_attention,
      .decompose = decompose_attention,
      .precision = {.operands = {0, 1, 2}},
      .flops = flops_attention,
      .incremental = incremental::attention,
      .kept = {1, 2},
  };
  return def;
}

const OpDef& op_attention_grad() {
  static const OpDef def = {
      .kind = OpKind::attention_grad,
      .name = "attention_grad",
      .doc =
          "q, k, v, y, lse, dy as in attention, counter where p > 0 -> dq, dk, dv. The "
          "probabilities are exp(scores - lse), made again.",
      .operands = {{"q"}, {"k"}, {"v"}, {"y"}, {"lse"}, {"dy"}, {"counter", Arity::optional}},
      .attributes = attention_attributes(),
      .traits = Trait::random,
      .infer = infer_attention_grad,
      .decompose = decompose_attention_grad,
      .flops = flops_attention_grad,
  };
  return def;
}

}  // namespace gptc::ir

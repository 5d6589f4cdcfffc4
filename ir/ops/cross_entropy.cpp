// Picking by id, and the losses built on it.
#include "ir/ops/incremental.h"
#include "ir/ops/rules.h"

namespace gptc::ir {
namespace {

using rules::Grads;
using rules::require;

// -- pick, pick_grad, token_count -----------------------------------------------------------------

std::vector<Type> infer_pick(const InferContext& context) {
  rules::require_float(context, 0);
  rules::require_min_rank(context, 0, 1);
  const Type& x = context.operand(0);
  rules::require_ids(context, 1, rules::without_last(x.shape));
  return {{x.dtype, rules::without_last(x.shape)}};
}

std::vector<Type> infer_pick_grad(const InferContext& context) {
  rules::require_float(context, 1);
  const Type& dy = context.operand(1);
  rules::require_ids(context, 0, dy.shape);
  const std::int64_t size = context.attrs.integer("size");
  require(context, size > 0, "size must be above 0", size);
  return {{dy.dtype, rules::with_last(dy.shape, Dim(size))}};
}

std::vector<Type> infer_token_count(const InferContext& context) {
  rules::require_ids(context, 0);
  return {{DType::f32, {}}};
}

Value pick_grad(Builder& b, Value ids, Value dy, std::int64_t size) {
  return b.op(OpKind::pick_grad, {ids, dy}, {{"size", size}});
}

Grads vjp_pick(const VjpContext& c) {
  const std::int64_t size = c.graph.type(c.operand(0)).shape.back().size();
  return {pick_grad(c.builder, c.operand(1), rules::grad(c), size), std::nullopt};
}

double flops_of_ids(const Graph& graph, const Node& node) {
  return static_cast<double>(graph.type(node.operands[0]).shape.numel());
}

// -- cross_entropy --------------------------------------------------------------------------------

Type loss_type(DType dtype) { return {rules::stat_dtype(dtype), {}}; }

/// logits[...,V] with one target a row.
void require_logits(const InferContext& context) {
  rules::require_float(context, 0);
  rules::require_min_rank(context, 0, 1);
  rules::require_ids(context, 1, rules::without_last(context.operand(0).shape));
}

std::vector<Type> infer_cross_entropy(const InferContext& context) {
  require_logits(context);
  return {loss_type(context.operand(0).dtype)};
}

std::vector<Type> infer_cross_entropy_grad(const InferContext& context) {
  require_logits(context);
  rules::require_type(context, 2, loss_type(context.operand(0).dtype));
  return {context.operand(0)};
}

// -Σ pick(z - log Σ exp z) with z = logits - max; pick gives 0 where a target does not count.
std::vector<Value> decompose_cross_entropy(Builder& b, const Node&,
                                           std::span<const Value> operands) {
  const Value logits = rules::cast_to(b, operands[0], rules::stat_dtype(b.type(operands[0]).dtype));
  const Value z = b.sub(logits, b.row_max(logits));
  const Value log_probabilities = b.sub(z, b.log(b.row_sum(b.exp(z))));
  const Value picked = b.op(OpKind::pick, {log_probabilities, operands[1]});
  return {b.neg(rules::sum_all(b, picked))};
}

// (softmax · counts - one_hot) · dloss, where counts = Σ one_hot is 1 or 0 a row.
std::vector<Value> decompose_cross_entropy_grad(Builder& b, const Node&,
                                                std::span<const Value> operands) {
  const Type type = b.type(operands[0]);
  const Type row{rules::stat_dtype(type.dtype), rules::without_last(type.shape)};
  const Value logits = rules::cast_to(b, operands[0], row.dtype);
  const Value one_hot = pick_grad(b, operands[1], b.constant(1, row), type.shape.back().size());
  const Value counted = b.mul(b.op(OpKind::softmax, {logits}), b.row_sum(one_hot));
  return {rules::cast_to(b, b.mul(b.sub(counted, one_hot), operands[2]), type.dtype)};
}

Grads vjp_cross_entropy(const VjpContext& c) {
  return {c.builder.op(OpKind::cross_entropy_grad, {c.operand(0), c.operand(1), rules::grad(c)}),
          std::nullopt};
}

double flops_cross_entropy(const Graph& graph, const Node& node) {
  return 4 * static_cast<double>(graph.type(node.operands[0]).shape.numel());
}

// -- linear_cross_entropy -------------------------------------------------------------------------

/// x[...,C], w[V,C], a target per row of x.
void require_linear(const InferContext& context) {
  rules::require_float(context, 0);
  rules::require_min_rank(context, 0, 2);
  rules::require_dtype_of_first(context, 1);
  const Type& x = context.operand(0);
  const Type& w = context.operand(1);
  require(context, w.shape.rank() == 2, "w must have 2 axes", w);
  require(context, x.shape.back() == w.shape[1], "rows of x and w must be equally long", x, w);
  rules::require_ids(context, 2, rules::without_last(x.shape));
}

std::vector<Type> infer_linear_cross_entropy(const InferContext& context) {
  require_linear(context);
  return {loss_type(context.operand(0).dtype)};
}

std::vector<Type> infer_linear_cross_entropy_grad(const InferContext& context) {
  require_linear(context);
  const Type loss = loss_type(context.operand(0).dtype);
  rules::require_type(context, 3, loss);
  const Type& w = context.operand(1);
  return {loss, context.operand(0), {rules::stat_dtype(w.dtype), w.shape}};
}

/// The logits, which stay f32 where x is bf16.
Value linear(Builder& b, Value x, Value w) {
  return b.matmul(x, w, {.transpose_b = true, .wide = true});
}

std::vector<Value> decompose_linear_cross_entropy(Builder& b, const Node&,
                                                  std::span<const Value> operands) {
  const Value logits = linear(b, operands[0], operands[1]);
  return {b.op(OpKind::cross_entropy, {logits, operands[2]})};
}

std::vector<Value> decompose_linear_cross_entropy_grad(Builder& b, const Node&,
                                                       std::span<const Value> operands) {
  const Value x = operands[0];
  const Value w = operands[1];
  const Value logits = linear(b, x, w);
  const Value loss = b.op(OpKind::cross_entropy, {logits, operands[2]});
  const Value dlogits = rules::cast_to(
      b, b.op(OpKind::cross_entropy_grad, {logits, operands[2], operands[3]}), b.type(x).dtype);
  const Value dx = b.matmul(dlogits, w);
  const Value dw = b.matmul(rules::as_rows(b, dlogits), rules::as_rows(b, x),
                            {.transpose_a = true, .wide = true});
  return {loss, dx, dw};
}

Grads vjp_linear_cross_entropy(const VjpContext& c) {
  const NodeId both = c.builder.node(OpKind::linear_cross_entropy_grad,
                                     {c.operand(0), c.operand(1), c.operand(2), rules::grad(c)});
  return {Value{both, 1}, Value{both, 2}, std::nullopt};
}

double flops_linear_cross_entropy(const Graph& graph, const Node& node) {
  const double x = static_cast<double>(graph.type(node.operands[0]).shape.numel());
  return 2 * x * static_cast<double>(graph.type(node.operands[1]).shape[0].size());
}

// Logits, dx, dw: three products.
double flops_linear_cross_entropy_grad(const Graph& graph, const Node& node) {
  return 3 * flops_linear_cross_entropy(graph, node);
}

}  // namespace

const OpDef& op_pick() {
  static const OpDef def = {
      .kind = OpKind::pick,
      .name = "pick",
      .doc = "x[...,V], ids i32[...] -> [...]: x[..., id]; 0 where id < 0.",
      .operands = {{"x"}, {"ids"}},
      .infer = infer_pick,
      .vjp = vjp_pick,
      .incremental = incremental::pick,
  };
  return def;
}

const OpDef& op_pick_grad() {
  static const OpDef def = {
      .kind = OpKind::pick_grad,
      .name = "pick_grad",
      .doc =
          "ids i32[...], dy[...] -> [...,size]: dy at id, zeros elsewhere (everywhere if id < 0).",
      .operands = {{"ids"}, {"dy"}},
      .attributes = {{"size", AttrKind::integer, std::nullopt, "the result's last axis"}},
      .infer = infer_pick_grad,
      .flops = flops_of_ids,
  };
  return def;
}

const OpDef& op_token_count() {
  static const OpDef def = {
      .kind = OpKind::token_count,
      .name = "token_count",
      .doc = "ids i32[...] -> f32[]: how many are 0 or above.",
      .operands = {{"ids"}},
      .infer = infer_token_count,
      .flops = flops_of_ids,
  };
  return def;
}

const OpDef& op_cross_entropy() {
  static const OpDef def = {
      .kind = OpKind::cross_entropy,
      .name = "cross_entropy",
      .doc =
          "logits[...,V], targets i32[...] -> f32[]: sum of -log softmax(logits) at the target; "
          "targets < 0 do not count.",
      .operands = {{"logits"}, {"targets"}},
      .infer = infer_cross_entropy,
      .vjp = vjp_cross_entropy,
      .decompose = decompose_cross_entropy,
      .flops = flops_cross_entropy,
  };
  return def;
}

const OpDef& op_cross_entropy_grad() {
  static const OpDef def = {
      .kind = OpKind::cross_entropy_grad,
      .name = "cross_entropy_grad",
      .doc =
          "logits[...,V], targets i32[...], dloss f32[] -> dlogits = (softmax - one_hot(target)) "
          "· dloss, 0 in rows whose target is < 0.",
      .operands = {{"logits"}, {"targets"}, {"dloss"}},
      .infer = infer_cross_entropy_grad,
      .decompose = decompose_cross_entropy_grad,
      .in_place = {{0, 0}},
      .flops = flops_cross_entropy,
  };
  return def;
}

const OpDef& op_linear_cross_entropy() {
  static const OpDef def = {
      .kind = OpKind::linear_cross_entropy,
      .name = "linear_cross_entropy",
      .doc =
          "x[...,C], w[V,C], targets i32[...] -> f32[]: cross_entropy(x · wᵀ, targets); the "
          "logits [...,V] never exist whole.",
      .operands = {{"x"}, {"w"}, {"targets"}},
      .infer = infer_linear_cross_entropy,
      .vjp = vjp_linear_cross_entropy,
      .decompose = decompose_linear_cross_entropy,
      .computed_by = {{OpKind::linear_cross_entropy_grad, 0, 0}},
      .precision = {.operands = {0, 1}},
      .flops = flops_linear_cross_entropy,
  };
  return def;
}

const OpDef& op_linear_cross_entropy_grad() {
  static const OpDef def = {
      .kind = OpKind::linear_cross_entropy_grad,
      .name = "linear_cross_entropy_grad",
      .doc =
          "x[...,C], w[V,C], targets i32[...], dloss f32[] -> loss f32[], dx, dw in one sweep: "
          "dx and dw are scaled by dloss, loss is not.",
      .operands = {{"x"}, {"w"}, {"targets"}, {"dloss"}},
      .infer = infer_linear_cross_entropy_grad,
      .decompose = decompose_linear_cross_entropy_grad,
      .flops = flops_linear_cross_entropy_grad,
  };
  return def;
}

}  // namespace gptc::ir

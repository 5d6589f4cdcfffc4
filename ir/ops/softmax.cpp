// Softmax over the last axis, and the causal mask.
#include <cmath>

#include "ir/ops/incremental.h"
#include "ir/ops/rules.h"

namespace gptc::ir {
namespace {

using rules::Grads;

std::vector<Type> infer_softmax(const InferContext& context) {
  rules::require_float(context, 0);
  rules::require_min_rank(context, 0, 1);
  return {context.operand(0)};
}

std::vector<Value> decompose_softmax(Builder& b, const Node&, std::span<const Value> operands) {
  const DType dtype = b.type(operands[0]).dtype;
  const Value x = rules::cast_to(b, operands[0], rules::stat_dtype(dtype));
  const Value e = b.exp(b.sub(x, b.row_max(x)));
  return {rules::cast_to(b, b.div(e, b.row_sum(e)), dtype)};
}

// dx = y (dy - Σ dy y).
Grads vjp_softmax(const VjpContext& c) {
  Builder& b = c.builder;
  const Value y = c.result(0);
  const Value dy = rules::grad(c);
  return {b.mul(y, b.sub(dy, b.row_sum(b.mul(dy, y))))};
}

double flops_softmax(const Graph&, const Node& node) {
  return 4 * static_cast<double>(node.results[0].shape.numel());  // subtract, exp, add, divide
}

std::vector<Type> infer_causal_mask(const InferContext& context) {
  rules::require_float(context, 0);
  rules::require_min_rank(context, 0, 2);
  const double fill = context.attrs.real("fill");
  rules::require(context, !std::isnan(fill), "fill must be a number", fill);
  if (context.operands.size() > 1) {
    rules::require_min_rank(context, 0, 3);
    rules::require_ids(context, 1, Shape{context.operand(0).shape[0]});
  }
  return {context.operand(0)};
}

Grads vjp_causal_mask(const VjpContext& c) {
  std::vector<Value> operands = c.graph[c.node].operands;
  operands[0] = rules::grad(c);
  Grads grads(operands.size());
  grads[0] = c.builder.op(OpKind::causal_mask, std::move(operands), {{"fill", 0.0}});
  return grads;
}

}  // namespace

const OpDef& op_softmax() {
  static const OpDef def = {
      .kind = OpKind::softmax,
      .name = "softmax",
      .doc = "x[...,N] -> exp(x - max) / Σ exp(x - max) over the last axis.",
      .operands = {{"x"}},
      .traits = Trait::row_local | Trait::cheap,
      .infer = infer_softmax,
      .vjp = vjp_softmax,
      .decompose = decompose_softmax,
      .in_place = {{0, 0}},
      .flops = flops_softmax,
  };
  return def;
}

const OpDef& op_causal_mask() {
  static const OpDef def = {
      .kind = OpKind::causal_mask,
      .name = "causal_mask",
      .doc =
          "x[...,Tq,Tk] -> `fill` where k > q + Tk - Tq (the last query sees every key), else x. "
          "With past i32[B], the first axis of x being B: where k > q + past[b].",
      .operands = {{"x"}, {"past", Arity::optional}},
      .attributes = {{"fill", AttrKind::real, std::nullopt, "what masked elements become"}},
      .traits = Trait::cheap,
      .infer = infer_causal_mask,
      .vjp = vjp_causal_mask,
      .in_place = {{0, 0}},
      .incremental = incremental::causal_mask,
  };
  return def;
}

}  // namespace gptc::ir

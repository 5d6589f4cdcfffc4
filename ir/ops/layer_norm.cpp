// Layer normalisation (Ba, Kiros, Hinton 2016) with its two gradients.
#include "ir/ops/rules.h"

namespace gptc::ir {
namespace {

using rules::Grads;

/// Operand is [C] with x's dtype.
void require_row(const InferContext& context, std::size_t operand, const Type& x) {
  rules::require_type(context, operand, {x.dtype, Shape{x.shape.back()}});
}

/// One number per row of x.
Type stat_type(const Type& x) { return {rules::stat_dtype(x.dtype), rules::without_last(x.shape)}; }

std::vector<Type> infer_layer_norm(const InferContext& context) {
  rules::require_float(context, 0);
  rules::require_min_rank(context, 0, 1);
  rules::require_positive(context, "eps");
  const Type& x = context.operand(0);
  require_row(context, 1, x);
  require_row(context, 2, x);
  return {x, stat_type(x), stat_type(x)};
}

std::vector<Type> infer_layer_norm_grad(const InferContext& context) {
  rules::require_float(context, 0);
  rules::require_min_rank(context, 0, 1);
  const Type& x = context.operand(0);
  rules::require_type(context, 1, x);
  require_row(context, 2, x);
  rules::require_type(context, 3, stat_type(x));
  rules::require_type(context, 4, stat_type(x));
  return {x};
}

std::vector<Type> infer_layer_norm_param_grad(const InferContext& context) {
  rules::require_float(context, 0);
  rules::require_min_rank(context, 0, 1);
  const Type& x = context.operand(0);
  rules::require_type(context, 1, x);
  rules::require_type(context, 2, stat_type(x));
  rules::require_type(context, 3, stat_type(x));
  const Type row{x.dtype, Shape{x.shape.back()}};
  return {row, row};
}

Value row_mean(Builder& b, Value x) {
  return b.scale(b.row_sum(x), 1.0 / static_cast<double>(b.shape(x).back().size()));
}

/// A statistic [...] as a column [...,1].
Value column(Builder& b, Value statistic) {
  return b.reshape(statistic, rules::as_column(b.shape(statistic)));
}

Value as_statistics(Builder& b, Value x) {
  return rules::cast_to(b, x, rules::stat_dtype(b.type(x).dtype));
}

/// (x - mean) · rstd
Value normalised(Builder& b, Value x, Value mean, Value rstd) {
  return b.mul(b.sub(as_statistics(b, x), column(b, mean)), column(b, rstd));
}

std::vector<Value> decompose_layer_norm(Builder& b, const Node& node,
                                        std::span<const Value> operands) {
  const double eps = node.attrs.real("eps");
  const Type type = b.type(operands[0]);
  const Shape leading = rules::without_last(type.shape);
  const Value x = as_statistics(b, operands[0]);
  const Value mean = row_mean(b, x);
  const Value centred = b.sub(x, mean);
  const Value variance = row_mean(b, b.mul(centred, centred));
  const Value rstd = b.rsqrt(b.add(variance, b.scalar(eps, b.type(variance).dtype)));
  const Value gained = b.mul(b.mul(centred, rstd), as_statistics(b, operands[1]));
  const Value y = b.add(gained, as_statistics(b, operands[2]));
  return {rules::cast_to(b, y, type.dtype), b.reshape(mean, leading), b.reshape(rstd, leading)};
}

// With g = dy · gain and n = (x - mean) rstd: dx = rstd (g - mean(g) - n mean(g n)).
std::vector<Value> decompose_layer_norm_grad(Builder& b, const Node&,
                                             std::span<const Value> operands) {
  const DType dtype = b.type(operands[1]).dtype;
  const Value g = b.mul(as_statistics(b, operands[0]), as_statistics(b, operands[2]));
  const Value n = normalised(b, operands[1], operands[3], operands[4]);
  const Value inner = b.sub(b.sub(g, row_mean(b, g)), b.mul(n, row_mean(b, b.mul(g, n))));
  return {rules::cast_to(b, b.mul(inner, column(b, operands[4])), dtype)};
}

std::vector<Value> decompose_layer_norm_param_grad(Builder& b, const Node&,
                                                   std::span<const Value> operands) {
  const Type x = b.type(operands[1]);
  const Shape row{x.shape.back()};
  const Value dy = as_statistics(b, operands[0]);
  const Value n = normalised(b, operands[1], operands[2], operands[3]);
  const Value dgain = b.sum_to_shape(b.mul(dy, n), row);
  const Value dbias = b.sum_to_shape(dy, row);
  return {rules::cast_to(b, dgain, x.dtype), rules::cast_to(b, dbias, x.dtype)};
}

// Statistics used elsewhere add dmean / C and -drstd · rstd² n / C to dx.
std::optional<Value> through_statistics(const VjpContext& c) {
  Builder& b = c.builder;
  const Type x = b.type(c.operand(0));
  std::optional<Value> dx;
  if (c.grads[1]) dx = b.broadcast(column(b, *c.grads[1]), x.shape);
  if (c.grads[2]) {
    const Value rstd = c.result(2);
    const Value weight = b.neg(b.mul(*c.grads[2], b.mul(rstd, rstd)));
    const Value part = b.mul(column(b, weight), normalised(b, c.operand(0), c.result(1), rstd));
    dx = dx ? b.add(*dx, part) : part;
  }
  if (!dx) return dx;
  return rules::cast_to(b, b.scale(*dx, 1.0 / static_cast<double>(x.shape.back().size())), x.dtype);
}

Grads vjp_layer_norm(const VjpContext& c) {
  Builder& b = c.builder;
  const std::optional<Value> extra = through_statistics(c);
  if (!c.grads[0]) return {extra, std::nullopt, std::nullopt};
  const Value dy = *c.grads[0];
  const Value x = c.operand(0);
  const Value dx = b.op(OpKind::layer_norm_grad, {dy, x, c.operand(1), c.result(1), c.result(2)});
  const NodeId params = b.node(OpKind::layer_norm_param_grad, {dy, x, c.result(1), c.result(2)});
  return {extra ? b.add(dx, *extra) : dx, Value{params, 0}, Value{params, 1}};
}

/// About this many operations an element of x.
double flops_per_element(const Graph& graph, const Node& node) {
  return 8 * static_cast<double>(graph.type(node.operands[0]).shape.numel());
}

}  // namespace

const OpDef& op_layer_norm() {
  static const OpDef def = {
      .kind = OpKind::layer_norm,
      .name = "layer_norm",
      .doc =
          "x[...,C], gain[C], bias[C] -> y = (x - mean) · rstd · gain + bias, mean[...], "
          "rstd[...] = 1/√(var + eps) over the last axis; var is biased (Σ/C).",
      .operands = {{"x"}, {"gain"}, {"bias"}},
      .attributes = {{"eps", AttrKind::real, 1e-5, "added to the variance"}},
      .traits = Trait::row_local | Trait::cheap,
      .infer = infer_layer_norm,
      .vjp = vjp_layer_norm,
      .decompose = decompose_layer_norm,
      .in_place = {{0, 0}},
      .flops = flops_per_element,
  };
  return def;
}

const OpDef& op_layer_norm_grad() {
  static const OpDef def = {
      .kind = OpKind::layer_norm_grad,
      .name = "layer_norm_grad",
      .doc =
          "dy[...,C], x[...,C], gain[C], mean[...], rstd[...] -> dx; with g = dy · gain and n = "
          "(x - mean) rstd: dx = rstd (g - mean(g) - n mean(g n)).",
      .operands = {{"dy"}, {"x"}, {"gain"}, {"mean"}, {"rstd"}},
      .traits = Trait::row_local,
      .infer = infer_layer_norm_grad,
      .decompose = decompose_layer_norm_grad,
      .in_place = {{0, 0}},
      .flops = flops_per_element,
  };
  return def;
}

const OpDef& op_layer_norm_param_grad() {
  static const OpDef def = {
      .kind = OpKind::layer_norm_param_grad,
      .name = "layer_norm_param_grad",
      .doc =
          "dy[...,C], x[...,C], mean[...], rstd[...] -> dgain[C] = Σ dy (x - mean) rstd, "
          "dbias[C] = Σ dy, sums over the rows.",
      .operands = {{"dy"}, {"x"}, {"mean"}, {"rstd"}},
      .infer = infer_layer_norm_param_grad,
      .decompose = decompose_layer_norm_param_grad,
      .flops = flops_per_element,
  };
  return def;
}

}  // namespace gptc::ir

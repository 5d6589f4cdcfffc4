// Reductions over axes.
#include "ir/ops/incremental.h"
#include "ir/ops/rules.h"

namespace gptc::ir {
namespace {

using rules::Grads;
using rules::require;

std::vector<Type> infer_reduce(const InferContext& context) {
  rules::require_float(context, 0);
  const Type& x = context.operand(0);
  const Ints& axes = context.attrs.ints("axes");
  require(context, !axes.empty(), "axes must name at least one axis", axes);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    require(context, axes[i] >= 0 && axes[i] < static_cast<std::int64_t>(x.shape.rank()),
            "axes must be the operand's", axes, x);
    require(context, i == 0 || axes[i - 1] < axes[i], "axes must ascend", axes);
  }
  std::vector<Dim> kept;
  for (std::size_t axis = 0; axis < x.shape.rank(); ++axis) {
    if (!rules::contains(axes, static_cast<std::int64_t>(axis))) kept.push_back(x.shape[axis]);
  }
  return {{x.dtype, Shape(std::move(kept))}};
}

/// x's shape with 1 on the reduced axes.
Shape kept_shape(const VjpContext& c) {
  Shape shape = c.graph.type(c.operand(0)).shape;
  for (const std::int64_t axis : c.attrs().ints("axes")) {
    shape[static_cast<std::size_t>(axis)] = Dim(1);
  }
  return shape;
}

Grads vjp_reduce_sum(const VjpContext& c) {
  const Value kept = c.builder.reshape(rules::grad(c), kept_shape(c));
  return {c.builder.broadcast(kept, c.graph.type(c.operand(0)).shape)};
}

// The elements equal to the maximum share its gradient evenly.
Grads vjp_reduce_max(const VjpContext& c) {
  Builder& b = c.builder;
  const Value x = c.operand(0);
  const Shape kept = kept_shape(c);
  const Value below = b.op(OpKind::step, {b.sub(b.reshape(c.result(0), kept), x)});
  const Value equal = b.sub(b.scalar(1, b.type(x).dtype), below);
  const Value count = b.reshape(b.reduce_sum(equal, c.attrs().ints("axes")), kept);
  return {b.mul(equal, b.div(b.reshape(rules::grad(c), kept), count))};
}

bool reduces_rows(const Graph& graph, const Node& node) {
  return node.attrs.ints("axes") == rules::last_axis(graph.type(node.operands[0]).shape);
}

double flops_reduce(const Graph& graph, const Node& node) {
  return static_cast<double>(graph.type(node.operands[0]).shape.numel());
}

std::vector<Type> infer_sum_squares(const InferContext& context) {
  rules::require_float(context, 0);
  return {{rules::stat_dtype(context.operand(0).dtype), {}}};
}

std::vector<Value> decompose_sum_squares(Builder& b, const Node&, std::span<const Value> operands) {
  const Value x = rules::cast_to(b, operands[0], rules::stat_dtype(b.type(operands[0]).dtype));
  return {rules::sum_all(b, b.mul(x, x))};
}

Grads vjp_sum_squares(const VjpContext& c) {
  Builder& b = c.builder;
  const Value x = c.operand(0);
  const Value dy = rules::cast_to(b, rules::grad(c), b.type(x).dtype);
  return {b.mul(b.scale(x, 2), dy)};
}

double flops_sum_squares(const Graph& graph, const Node& node) {
  return 2 * flops_reduce(graph, node);
}

AttrSpec axes_spec() { return {"axes", AttrKind::ints, std::nullopt, "ascending; they disappear"}; }

}  // namespace

const OpDef& op_reduce_sum() {
  static const OpDef def = {
      .kind = OpKind::reduce_sum,
      .name = "reduce_sum",
      .doc = "x -> sums over `axes`, which the result does not have.",
      .operands = {{"x"}},
      .attributes = {axes_spec()},
      .infer = infer_reduce,
      .vjp = vjp_reduce_sum,
      .flops = flops_reduce,
      .row_local_if = reduces_rows,
      .incremental = incremental::reduce,
  };
  return def;
}

const OpDef& op_reduce_max() {
  static const OpDef def = {
      .kind = OpKind::reduce_max,
      .name = "reduce_max",
      .doc =
          "x -> largest elements over `axes`, which the result does not have; elements equal to "
          "the largest share its gradient evenly.",
      .operands = {{"x"}},
      .attributes = {axes_spec()},
      .infer = infer_reduce,
      .vjp = vjp_reduce_max,
      .flops = flops_reduce,
      .row_local_if = reduces_rows,
      .incremental = incremental::reduce,
  };
  return def;
}

const OpDef& op_sum_squares() {
  static const OpDef def = {
      .kind = OpKind::sum_squares,
      .name = "sum_squares",
      .doc = "x -> Σ x² over all elements, f32[] (f64[] for f64).",
      .operands = {{"x"}},
      .infer = infer_sum_squares,
      .vjp = vjp_sum_squares,
      .decompose = decompose_sum_squares,
      .flops = flops_sum_squares,
  };
  return def;
}

}  // namespace gptc::ir

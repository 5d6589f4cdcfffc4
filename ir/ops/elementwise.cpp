// One result element from the same element of each operand: two sub-tables, about a line an op.
#include "ir/ops/rules.h"

namespace gptc::ir {
namespace {

using rules::Grads;

std::vector<Type> infer_unary(const InferContext& context) {
  rules::require_float(context, 0);
  return {context.operand(0)};
}

std::vector<Type> infer_binary(const InferContext& context) {
  rules::require_float(context, 0);
  rules::require_dtype_of_first(context, 1);
  const Type& a = context.operand(0);
  const Type& b = context.operand(1);
  const std::optional<Shape> shape = broadcast_shapes(a.shape, b.shape);
  rules::require(context, shape.has_value(), "shapes must broadcast (equal or 1, from the right)",
                 a, b);
  return {{a.dtype, *shape}};
}

std::vector<Type> infer_cast(const InferContext& context) {
  return {{context.attrs.get<DType>("dtype"), context.operand(0).shape}};
}

std::vector<Type> infer_gelu_with_grad(const InferContext& context) {
  rules::require_float(context, 0);
  return {context.operand(0), context.operand(0)};
}

/// What a gradient formula sees: operands, result, the result's gradient.
struct Unary {
  Builder& b;
  Value x, y, dy;
};
struct Binary {
  Builder& b;
  Value x0, x1, y, dy;
};

template <Value (*formula)(const Unary&)>
Grads unary_vjp(const VjpContext& c) {
  return {formula({c.builder, c.operand(0), c.result(0), rules::grad(c)})};
}
template <Value (*first)(const Binary&), Value (*second)(const Binary&)>
Grads binary_vjp(const VjpContext& c) {
  const Binary at{c.builder, c.operand(0), c.operand(1), c.result(0), rules::grad(c)};
  const Value gradient = first(at);
  return {gradient, second(at)};
}

// y * by + plus, with numbers.
Value affine(Builder& b, Value y, double by, double plus) {
  return b.add(b.scale(y, by), b.scalar(plus, b.type(y).dtype));
}

Value neg_dx(const Unary& g) { return g.b.neg(g.dy); }
Value exp_dx(const Unary& g) { return g.b.mul(g.dy, g.y); }
Value log_dx(const Unary& g) { return g.b.div(g.dy, g.x); }
Value sqrt_dx(const Unary& g) { return g.b.scale(g.b.div(g.dy, g.y), 0.5); }
Value rsqrt_dx(const Unary& g) {
  return g.b.scale(g.b.mul(g.dy, g.b.mul(g.y, g.b.mul(g.y, g.y))), -0.5);
}
Value tanh_dx(const Unary& g) { return g.b.mul(g.dy, affine(g.b, g.b.mul(g.y, g.y), -1, 1)); }
Value sigmoid_dx(const Unary& g) { return g.b.mul(g.dy, g.b.mul(g.y, affine(g.b, g.y, -1, 1))); }
Value relu_dx(const Unary& g) { return g.b.mul(g.dy, g.b.op(OpKind::step, {g.x})); }
Value gelu_dx(const Unary& g) {
  return g.b.mul(g.dy, Value{g.b.node(OpKind::gelu_with_grad, {g.x}), 1});
}
Grads zero_vjp(const VjpContext&) { return {std::nullopt}; }

Value same(const Binary& g) { return g.dy; }
Value sub_db(const Binary& g) { return g.b.neg(g.dy); }
Value mul_da(const Binary& g) { return g.b.mul(g.dy, g.x1); }
Value mul_db(const Binary& g) { return g.b.mul(g.dy, g.x0); }
Value div_da(const Binary& g) { return g.b.div(g.dy, g.x1); }
Value div_db(const Binary& g) { return g.b.neg(g.b.div(g.b.mul(g.dy, g.y), g.x1)); }
// 1 where mine is larger, 1/2 where both are equal, else 0.
Value share_of_max(const Binary& g, Value mine, Value other) {
  const Value above = g.b.op(OpKind::step, {g.b.sub(mine, other)});
  const Value below = g.b.op(OpKind::step, {g.b.sub(other, mine)});
  return g.b.mul(g.dy, affine(g.b, g.b.sub(above, below), 0.5, 0.5));
}
Value maximum_da(const Binary& g) { return share_of_max(g, g.x0, g.x1); }
Value maximum_db(const Binary& g) { return share_of_max(g, g.x1, g.x0); }

Grads vjp_cast(const VjpContext& c) {
  const DType from = c.graph.type(c.operand(0)).dtype;
  const DType to = c.graph.type(c.result(0)).dtype;
  if (!is_float(from) || !is_float(to)) return {std::nullopt};
  return {rules::cast_to(c.builder, rules::grad(c), from)};
}

// With u = √(2/π)(x + a x³), t = tanh u: gelu' = (1 + t)/2 + x/2 · (1 - t²) · √(2/π)(1 + 3a x²).
std::vector<Value> decompose_gelu_with_grad(Builder& b, const Node&,
                                            std::span<const Value> operands) {
  constexpr double root = 0.79788456080286535588;
  constexpr double cubic = 0.044715;
  const DType dtype = b.type(operands[0]).dtype;
  const Value x = rules::cast_to(b, operands[0], rules::stat_dtype(dtype));
  const Value square = b.mul(x, x);
  const Value t = b.tanh(b.mul(x, affine(b, square, root * cubic, root)));
  const Value inner_slope = b.mul(x, affine(b, square, 3 * root * cubic / 2, root / 2));
  const Value curved = b.mul(inner_slope, affine(b, b.mul(t, t), -1, 1));
  const Value slope_of_gelu = b.add(affine(b, t, 0.5, 0.5), curved);
  return {b.op(OpKind::gelu, {operands[0]}), rules::cast_to(b, slope_of_gelu, dtype)};
}

constexpr Traits pointwise = Trait::elementwise | Trait::row_local | Trait::cheap;

OpDef unary(OpKind kind, std::string_view name, std::string_view doc, VjpFn vjp) {
  return {.kind = kind,
          .name = name,
          .doc = doc,
          .operands = {{"x"}},
          .traits = pointwise,
          .infer = infer_unary,
          .vjp = vjp,
          .in_place = {{0, 0}}};
}

enum class Order { matters, free };

OpDef binary(OpKind kind, std::string_view name, std::string_view doc, VjpFn vjp, Order order) {
  const Traits traits = pointwise | Trait::broadcasts;
  return {.kind = kind,
          .name = name,
          .doc = doc,
          .operands = {{"a"}, {"b"}},
          .traits = order == Order::free ? traits | Trait::commutative : traits,
          .infer = infer_binary,
          .vjp = vjp,
          .in_place = {{0, 0}, {0, 1}}};
}

OpDef gelu_row() {
  OpDef def = unary(OpKind::gelu, "gelu",
                    "x -> x/2 · (1 + tanh(√(2/π)(x + 0.044715 x³))): the tanh form (Hendrycks and "
                    "Gimpel 2016), GPT-2's.",
                    unary_vjp<gelu_dx>);
  def.computed_by = {{OpKind::gelu_with_grad, 0, 0}};
  return def;
}

}  // namespace

// clang-format off
#define ROW(name, ...) const OpDef& op_##name() { static const OpDef def = __VA_ARGS__; return def; }
#define UNARY(name, doc, vjp) ROW(name, unary(OpKind::name, #name, doc, vjp))
#define BINARY(name, doc, order, ...) ROW(name, binary(OpKind::name, #name, doc, __VA_ARGS__, order))

UNARY(neg, "x -> -x", unary_vjp<neg_dx>)
UNARY(exp, "x -> eˣ", unary_vjp<exp_dx>)
UNARY(log, "x -> natural logarithm of x", unary_vjp<log_dx>)
UNARY(sqrt, "x -> √x", unary_vjp<sqrt_dx>)
UNARY(rsqrt, "x -> 1/√x", unary_vjp<rsqrt_dx>)
UNARY(tanh, "x -> hyperbolic tangent of x", unary_vjp<tanh_dx>)
UNARY(sigmoid, "x -> 1/(1 + e⁻ˣ)", unary_vjp<sigmoid_dx>)
UNARY(relu, "x -> max(x, 0); its gradient at 0 is 0", unary_vjp<relu_dx>)
UNARY(step, "x -> 1 where x > 0, else 0; its gradient is 0", zero_vjp)
ROW(gelu, gelu_row())
BINARY(add, "a, b -> a + b, broadcast", Order::free, binary_vjp<same, same>)
BINARY(sub, "a, b -> a - b, broadcast", Order::matters, binary_vjp<same, sub_db>)
BINARY(mul, "a, b -> a · b, broadcast", Order::free, binary_vjp<mul_da, mul_db>)
BINARY(div, "a, b -> a / b, broadcast", Order::matters, binary_vjp<div_da, div_db>)
BINARY(maximum, "a, b -> the larger, broadcast; equal ones share the gradient", Order::free, binary_vjp<maximum_da, maximum_db>)

#undef ROW
#undef UNARY
#undef BINARY
// clang-format on

const OpDef& op_gelu_with_grad() {
  static const OpDef def = {
      .kind = OpKind::gelu_with_grad,
      .name = "gelu_with_grad",
      .doc = "x -> gelu(x), gelu'(x) in one sweep; the second is what the gradient multiplies by.",
      .operands = {{"x"}},
      .traits = pointwise,
      .infer = infer_gelu_with_grad,
      .decompose = decompose_gelu_with_grad,
      .in_place = {{0, 0}},
      .precision = {.results = {0, 1}},
  };
  return def;
}

const OpDef& op_cast() {
  static const OpDef def = {
      .kind = OpKind::cast,
      .name = "cast",
      .doc = "x -> x in another dtype: round to nearest even; floats to integers truncate.",
      .operands = {{"x"}},
      .attributes = {{"dtype", AttrKind::dtype, std::nullopt, "the result's dtype"}},
      .traits = pointwise,
      .infer = infer_cast,
      .vjp = vjp_cast,
  };
  return def;
}

}  // namespace gptc::ir

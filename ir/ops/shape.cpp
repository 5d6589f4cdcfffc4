// Moving elements about: no arithmetic.
#include <algorithm>
#include <limits>

#include "ir/ops/incremental.h"
#include "ir/ops/rules.h"

namespace gptc::ir {
namespace {

using rules::Grads;
using rules::require;

// -- reshape, transpose, broadcast ----------------------------------------------------------------

std::vector<char> sorted_names(const Shape& shape) {
  std::vector<char> names;
  for (const Dim& dim : shape) {
    if (dim.is_named()) names.push_back(dim.name());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<Type> infer_reshape(const InferContext& context) {
  const Type& x = context.operand(0);
  const Shape& shape = context.attrs.get<Shape>("shape");
  const auto elements = rules::product_of_numbers(shape);
  require(context,
          elements && *elements == rules::product_of_numbers(x.shape) &&
              sorted_names(shape) == sorted_names(x.shape),
          "shape must hold as many elements as x", shape, x);
  return {{x.dtype, shape}};
}

Grads vjp_reshape(const VjpContext& c) {
  return {c.builder.reshape(rules::grad(c), c.graph.type(c.operand(0)).shape)};
}

/// [B, C] and [B, C, 1] have the same rows: what row_sum and statistics as columns need.
bool keeps_rows(const Graph& graph, const Node& node) {
  const Shape& from = graph.type(node.operands[0]).shape;
  const Shape& to = node.results[0].shape;
  return to == rules::as_column(from) || from == rules::as_column(to);
}

std::vector<Type> infer_transpose(const InferContext& context) {
  const Type& x = context.operand(0);
  const Ints& perm = context.attrs.ints("perm");
  Ints sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  bool each_once = sorted.size() == x.shape.rank();
  for (std::size_t i = 0; each_once && i < sorted.size(); ++i) {
    each_once = sorted[i] == static_cast<std::int64_t>(i);
  }
  require(context, each_once, "perm must hold every axis of x once", perm, x);
  Shape shape = x.shape;
  for (std::size_t i = 0; i < perm.size(); ++i) {
    shape[i] = x.shape[static_cast<std::size_t>(perm[i])];
  }
  return {{x.dtype, shape}};
}

Grads vjp_transpose(const VjpContext& c) {
  const Ints& perm = c.attrs().ints("perm");
  Ints inverse(perm.size());
  for (std::size_t i = 0; i < perm.size(); ++i) {
    inverse[static_cast<std::size_t>(perm[i])] = static_cast<std::int64_t>(i);
  }
  return {c.builder.transpose(rules::grad(c), std::move(inverse))};
}

std::vector<Type> infer_broadcast(const InferContext& context) {
  const Type& x = context.operand(0);
  const Shape& shape = context.attrs.get<Shape>("shape");
  require(context, broadcast_shapes(x.shape, shape) == shape,
          "x must broadcast to shape (equal or 1, from the right)", x, shape);
  return {{x.dtype, shape}};
}

Grads vjp_broadcast(const VjpContext& c) {
  return {c.builder.sum_to_shape(rules::grad(c), c.graph.type(c.operand(0)).shape)};
}

// -- slice, pad, concat, shift --------------------------------------------------------------------

/// Part [start, start + size) of a whole; what holds names is compared once it has numbers.
void require_part(const InferContext& context, std::int64_t start, Dim part, Dim whole) {
  const Type& x = context.operand(0);
  const std::string_view offset = op_def(context.kind).attributes[1].name;
  require(context, start >= 0, std::string(offset) + " must not be below 0", start);
  if (part.is_named() || whole.is_named()) {
    require(context, part != whole || start == 0,
            std::string(offset) + " must be 0 where the whole axis is taken", start, x);
    return;
  }
  require(context, start <= whole.size() && part.size() <= whole.size() - start,
          fmt::format("{} + the part's size must not pass the whole axis", offset), start,
          fmt::format("{} of {}", part.size(), whole.size()), x);
}

std::vector<Type> infer_slice(const InferContext& context) {
  const std::size_t axis = rules::axis_of(context, 0);
  const Type& x = context.operand(0);
  const Dim size = rules::size_of(context);
  require_part(context, context.attrs.integer("start"), size, x.shape[axis]);
  Type result = x;
  result.shape[axis] = size;
  return {result};
}

std::vector<Type> infer_pad(const InferContext& context) {
  const std::size_t axis = rules::axis_of(context, 0);
  const Type& x = context.operand(0);
  const Dim size = rules::size_of(context);
  require_part(context, context.attrs.integer("before"), x.shape[axis], size);
  Type result = x;
  result.shape[axis] = size;
  return {result};
}

Value slice(Builder& b, Value x, std::int64_t axis, std::int64_t start, Dim size) {
  return b.op(OpKind::slice, {x}, {{"axis", axis}, {"start", start}, {"size", Shape{size}}});
}

Grads vjp_slice(const VjpContext& c) {
  const std::int64_t axis = c.attrs().integer("axis");
  const Dim whole = c.graph.type(c.operand(0)).shape[static_cast<std::size_t>(axis)];
  return {c.builder.op(
      OpKind::pad, {rules::grad(c)},
      {{"axis", axis}, {"before", c.attrs().integer("start")}, {"size", Shape{whole}}})};
}

Grads vjp_pad(const VjpContext& c) {
  const std::int64_t axis = c.attrs().integer("axis");
  const Dim part = c.graph.type(c.operand(0)).shape[static_cast<std::size_t>(axis)];
  return {slice(c.builder, rules::grad(c), axis, c.attrs().integer("before"), part)};
}

std::vector<Type> infer_concat(const InferContext& context) {
  require(context, !context.operands.empty(), "there must be at least one operand", "none");
  const std::size_t axis = rules::axis_of(context, 0);
  Type result = context.operand(0);
  std::int64_t total = 0;
  for (const Type& part : context.operands) {
    Type like_first = part;
    if (part.shape.rank() > axis) like_first.shape[axis] = context.operand(0).shape[axis];
    require(context, like_first == context.operand(0),
            "operands must be alike but for their size along axis", context.operand(0), part);
    if (context.operands.size() == 1) return {result};
    require(context, !part.shape[axis].is_named(),
            "sizes along axis must be numbers to be added up", part);
    require(context, !__builtin_add_overflow(total, part.shape[axis].size(), &total),
            "sizes along axis must add up within 63 bits", part);
  }
  result.shape[axis] = Dim(total);
  return {result};
}

Grads vjp_concat(const VjpContext& c) {
  const std::int64_t axis = c.attrs().integer("axis");
  const std::size_t count = c.graph[c.node].operands.size();
  if (count == 1) return {rules::grad(c)};
  Grads grads;
  std::int64_t start = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Dim size = c.graph.type(c.operand(i)).shape[static_cast<std::size_t>(axis)];
    grads.emplace_back(slice(c.builder, rules::grad(c), axis, start, size));
    start += size.size();
  }
  return grads;
}

std::vector<Type> infer_shift(const InferContext& context) {
  rules::axis_of(context, 0);
  constexpr std::int64_t limit = std::numeric_limits<std::int32_t>::max();
  const std::int64_t by = context.attrs.integer("by");
  require(context, by >= -limit && by <= limit, "by must fit 32 bits", by);
  return {context.operand(0)};
}

Grads vjp_shift(const VjpContext& c) {
  return {c.builder.op(OpKind::shift, {rules::grad(c)},
                       {{"axis", c.attrs().integer("axis")}, {"by", -c.attrs().integer("by")}})};
}

// -- select ---------------------------------------------------------------------------------------

std::vector<Type> infer_select(const InferContext& context) {
  rules::require_min_rank(context, 0, 2);
  const Type& x = context.operand(0);
  rules::require_ids(context, 1, Shape{x.shape[0]});
  std::vector<Dim> dims = x.shape.dims();
  dims.erase(dims.begin() + 1);
  return {{x.dtype, Shape(std::move(dims))}};
}

// dy stands at row index[b]: a one-hot row of length T times dy.
Grads vjp_select(const VjpContext& c) {
  Builder& b = c.builder;
  const Type x = c.graph.type(c.operand(0));
  const Value ones = b.constant(1, {x.dtype, Shape{x.shape[0]}});
  const Value one_hot =
      b.op(OpKind::pick_grad, {c.operand(1), ones}, {{"size", x.shape[1].size()}});
  Shape hot_shape = x.shape;
  for (std::size_t axis = 2; axis < hot_shape.rank(); ++axis) hot_shape[axis] = Dim(1);
  Shape row_shape = x.shape;
  row_shape[1] = Dim(1);
  return {b.mul(rules::reshaped(b, one_hot, hot_shape), b.reshape(rules::grad(c), row_shape)),
          std::nullopt};
}

AttrSpec axis_spec() { return {"axis", AttrKind::integer, std::nullopt, "which axis, from 0"}; }

}  // namespace

const OpDef& op_reshape() {
  static const OpDef def = {
      .kind = OpKind::reshape,
      .name = "reshape",
      .doc = "x -> the same elements in the same (C) order as `shape`. Named dimensions must stay.",
      .operands = {{"x"}},
      .attributes = {{"shape", AttrKind::shape, std::nullopt, "the result's shape"}},
      .traits = Trait::view | Trait::cheap,
      .infer = infer_reshape,
      .vjp = vjp_reshape,
      .row_local_if = keeps_rows,
      .incremental = incremental::reshape,
  };
  return def;
}

const OpDef& op_transpose() {
  static const OpDef def = {
      .kind = OpKind::transpose,
      .name = "transpose",
      .doc = "x -> axes permuted: result axis i is operand axis perm[i].",
      .operands = {{"x"}},
      .attributes = {{"perm", AttrKind::ints, std::nullopt, "every axis once"}},
      .traits = Trait::cheap,
      .infer = infer_transpose,
      .vjp = vjp_transpose,
      .incremental = incremental::transpose,
  };
  return def;
}

const OpDef& op_broadcast() {
  static const OpDef def = {
      .kind = OpKind::broadcast,
      .name = "broadcast",
      .doc = "x -> repeated to `shape` by NumPy's rule. The gradient sums over the repeats.",
      .operands = {{"x"}},
      .attributes = {{"shape", AttrKind::shape, std::nullopt, "the result's shape"}},
      .traits = Trait::cheap,
      .infer = infer_broadcast,
      .vjp = vjp_broadcast,
      .incremental = incremental::broadcast,
  };
  return def;
}

const OpDef& op_slice() {
  static const OpDef def = {
      .kind = OpKind::slice,
      .name = "slice",
      .doc = "x -> elements start … start + size - 1 along axis.",
      .operands = {{"x"}},
      .attributes = {axis_spec(),
                     {"start", AttrKind::integer, std::int64_t{0}, "first element taken"},
                     {"size", AttrKind::shape, std::nullopt, "how many, as a shape of one: [T]"}},
      .traits = Trait::cheap,
      .infer = infer_slice,
      .vjp = vjp_slice,
      .incremental = incremental::slice,
  };
  return def;
}

const OpDef& op_pad() {
  static const OpDef def = {
      .kind = OpKind::pad,
      .name = "pad",
      .doc = "x -> `size` elements along axis: `before` zeros, x, zeros. The gradient of slice.",
      .operands = {{"x"}},
      .attributes = {axis_spec(),
                     {"before", AttrKind::integer, std::int64_t{0}, "zeros in front of x"},
                     {"size", AttrKind::shape, std::nullopt,
                      "the result's size along axis, as a shape of one: [T]"}},
      .traits = Trait::cheap,
      .infer = infer_pad,
      .vjp = vjp_pad,
      .incremental = incremental::along_axis,
  };
  return def;
}

const OpDef& op_concat() {
  static const OpDef def = {
      .kind = OpKind::concat,
      .name = "concat",
      .doc = "x... -> the operands one after another along axis.",
      .operands = {{"x", Arity::variadic}},
      .attributes = {axis_spec()},
      .infer = infer_concat,
      .vjp = vjp_concat,
      .incremental = incremental::along_axis,
  };
  return def;
}

const OpDef& op_shift() {
  static const OpDef def = {
      .kind = OpKind::shift,
      .name = "shift",
      .doc = "x -> result[i] = x[i - by] along axis, zeros where there is no such element.",
      .operands = {{"x"}},
      .attributes = {axis_spec(), {"by", AttrKind::integer, std::nullopt, "may be negative"}},
      .traits = Trait::cheap,
      .infer = infer_shift,
      .vjp = vjp_shift,
      .incremental = incremental::shift,
  };
  return def;
}

const OpDef& op_select() {
  static const OpDef def = {
      .kind = OpKind::select,
      .name = "select",
      .doc =
          "x[B,T,...], index i32[B] -> [B,...]: row index[b] of axis 1. An index outside 0..T-1 "
          "is a UserError when run.",
      .operands = {{"x"}, {"index"}},
      .infer = infer_select,
      .vjp = vjp_select,
      .incremental = incremental::select,
  };
  return def;
}

}  // namespace gptc::ir

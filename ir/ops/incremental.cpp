// A rule rebuilds a node of the whole graph on operands that hold new positions only. What the node
// needs of earlier positions it reads from a cache.
#include "ir/ops/incremental.h"

#include <algorithm>

#include "ir/check.h"
#include "ir/ops/rules.h"

namespace gptc::ir {

void Incremental::cannot(std::string_view why) const {
  const Node& at = graph[node];
  user_error("{}: it cannot run on new positions only: {}, at {}:{} ({})", op_def(at).name, why,
             at.origin.file, at.origin.line, at.origin.scope);
}

namespace incremental {
namespace {

using Result = std::vector<Positioned>;

constexpr Dim positions = Dim::named('T');

std::size_t rank_of(const Incremental& step, const Positioned& x) {
  return step.builder.shape(x.value).rank();
}

/// Attributes name axes of the whole graph: the operand must have the same ones.
void require_same_axes(Incremental& step, std::size_t operand) {
  const Value old = step.graph[step.node].operands[operand];
  if (rank_of(step, step.operands[operand]) != step.graph.type(old).shape.rank())
    step.cannot("it moves the axes of a value that has positions but no batch");
}

std::vector<Value> values_of(const Incremental& step) {
  std::vector<Value> values;
  for (const Positioned& x : step.operands) values.push_back(x.value);
  return values;
}

/// The same op with other attributes; positions stand at `axis` in every result.
Result rebuilt(Incremental& step, const Attrs& attrs, std::optional<std::size_t> axis) {
  const Node& old = step.graph[step.node];
  const NodeId made = step.builder.node(old.kind, values_of(step), attrs, old.body);
  Result results;
  for (std::uint32_t i = 0; i < old.results.size(); ++i) results.push_back({{made, i}, axis});
  return results;
}
Result rebuilt(Incremental& step, std::optional<std::size_t> axis) {
  return rebuilt(step, step.attrs(), axis);
}

/// Where T stands in a shape of the whole graph.
std::optional<std::size_t> find_positions(const Shape& shape) {
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == positions) return axis;
  }
  return std::nullopt;
}

/// The attribute `shape` with N for T.
Attrs with_chunk(Incremental& step, std::size_t axis) {
  Attrs attrs = step.attrs();
  Shape shape = attrs.get<Shape>("shape");
  shape[axis] = step.chunk();
  attrs.set("shape", shape);
  return attrs;
}

std::size_t axis_attr(const Incremental& step) {
  return static_cast<std::size_t>(step.attrs().integer("axis"));
}

std::int64_t product(const Shape& shape, std::size_t end) {
  std::int64_t elements = 1;
  for (std::size_t axis = 0; axis < end; ++axis) elements *= shape[axis].size();
  return elements;
}

/// Rows first + past … of a table that all rows of a batch share: [S,...] -> [B,N,...].
Positioned rows_of_table(Incremental& step, Value table, std::int64_t first) {
  Builder& b = step.builder;
  const Shape shape = b.shape(table);
  const Attrs attrs = {{"size", Shape{step.chunk()}}, {"limit", shape[0].size()}, {"first", first}};
  const Value ids = b.op(OpKind::positions, {step.past()}, attrs);
  const Dim width(shape.numel() / shape[0].size());
  const Value rows = b.op(OpKind::embedding, {rules::reshaped(b, table, {shape[0], width}), ids});
  std::vector<Dim> dims = {b.shape(rows)[0], step.chunk()};
  dims.insert(dims.end(), shape.begin() + 1, shape.end());
  return {rules::reshaped(b, rows, Shape(std::move(dims))), 1};
}

/// What ops without a rule of their own do.
Result by_traits(Incremental& step) {
  const OpDef& def = op_def(step.graph[step.node]);
  if (def.has(Trait::random)) step.cannot("what it draws depends on the place of every element");
  const bool by_element = def.has(Trait::elementwise);
  if (!by_element && !is_row_local(step.graph, step.node))
    step.cannot("it has no rule for that; its results may depend on all positions");
  std::optional<std::size_t> from_right;
  for (std::size_t i = 0; i < step.operands.size(); ++i) {
    const Positioned& x = step.operands[i];
    if (!x.axis) continue;
    const std::size_t distance = rank_of(step, x) - *x.axis;
    if (from_right && *from_right != distance && def.has(Trait::broadcasts))
      step.cannot("its operands have their positions on different axes");
    if (!by_element && distance == 1) step.cannot("its rows run over the positions");
    if (!from_right) from_right = distance;
    if (!def.has(Trait::broadcasts)) return rebuilt(step, x.axis);  // aligned from the left
  }
  Result results = rebuilt(step, std::nullopt);
  for (Positioned& result : results) result.axis = rank_of(step, result) - *from_right;
  return results;
}

}  // namespace

std::vector<Positioned> attention(Incremental& step) {
  const Positioned& q = step.operands[0];
  const Positioned& k = step.operands[1];
  const Positioned& v = step.operands[2];
  if (step.attrs().real("p") > 0) step.cannot("its dropout counts all positions");
  if (!k.axis && !v.axis && !step.attrs().flag("causal")) return rebuilt(step, q.axis);
  if (!step.attrs().flag("causal")) step.cannot("every query sees every key, later ones too");
  if (q.axis != 1 || k.axis != 1 || v.axis != 1)
    step.cannot("positions must stand on axis 1 of q, k and v");
  const std::int64_t heads = step.attrs().integer("heads");
  const Value keys = step.cached(k, "k", heads);
  const Value values = step.cached(v, "v", heads);
  const Value y = step.builder.op(OpKind::cached_attention, {q.value, keys, values, step.past()},
                                  {{"scale", step.attrs().real("scale")}});
  return {{y, 1}};
}

std::vector<Positioned> broadcast(Incremental& step) {
  const std::optional<std::size_t> axis = find_positions(step.attrs().get<Shape>("shape"));
  if (!axis) step.cannot("it repeats positions");
  if (step.operands[0].axis) require_same_axes(step, 0);
  return rebuilt(step, with_chunk(step, *axis), axis);
}

std::vector<Positioned> causal_mask(Incremental& step) {
  step.cannot("outside attention it has no cache; --explain says why it is not part of one");
}

std::vector<Positioned> constant(Incremental& step) {
  const std::optional<std::size_t> axis = find_positions(step.attrs().get<Shape>("shape"));
  return rebuilt(step, with_chunk(step, *axis), axis);
}

std::vector<Positioned> along_axis(Incremental& step) {
  std::optional<std::size_t> axis;
  for (std::size_t i = 0; i < step.operands.size(); ++i) {
    require_same_axes(step, i);
    if (step.operands[i].axis) axis = step.operands[i].axis;
  }
  if (axis == axis_attr(step)) step.cannot("it changes the number of positions");
  for (const Positioned& x : step.operands) {
    if (x.axis != axis) step.cannot("its operands must all have positions on the same axis");
  }
  return rebuilt(step, axis);
}

std::vector<Positioned> embedding(Incremental& step) {
  if (step.operands[0].axis) step.cannot("its table depends on positions");
  return rebuilt(step, step.operands[1].axis);
}

std::vector<Positioned> matmul(Incremental& step) {
  const Positioned& a = step.operands[0];
  if (!step.attrs().strings("epilogue").empty()) step.cannot("it has an epilogue already");
  if (step.operands[1].axis) step.cannot("its second operand depends on positions");
  const std::size_t rank = rank_of(step, a);
  const bool transposed = step.attrs().flag("transpose_a");
  if (*a.axis + (transposed ? 2 : 1) == rank) step.cannot("it sums over positions");
  return rebuilt(step, transposed && *a.axis + 1 == rank ? rank - 2 : *a.axis);
}

std::vector<Positioned> pick(Incremental& step) {
  if (step.operands[0].axis != step.operands[1].axis)
    step.cannot("x and ids must have positions on the same axis");
  return rebuilt(step, step.operands[1].axis);
}

std::vector<Positioned> reduce(Incremental& step) {
  require_same_axes(step, 0);
  const std::size_t axis = *step.operands[0].axis;
  const Ints& axes = step.attrs().ints("axes");
  if (rules::contains(axes, static_cast<std::int64_t>(axis))) step.cannot("it sums over positions");
  const auto before = std::ranges::count_if(
      axes, [&](std::int64_t other) { return other < static_cast<std::int64_t>(axis); });
  return rebuilt(step, axis - static_cast<std::size_t>(before));
}

std::vector<Positioned> reshape(Incremental& step) {
  require_same_axes(step, 0);
  const Positioned& x = step.operands[0];
  const std::size_t axis = find_positions(step.attrs().get<Shape>("shape")).value();
  const Attrs attrs = with_chunk(step, axis);
  if (product(attrs.get<Shape>("shape"), axis) != product(step.builder.shape(x.value), *x.axis))
    step.cannot("it mixes positions with other axes");
  return rebuilt(step, attrs, axis);
}

std::vector<Positioned> select(Incremental& step) {
  require_same_axes(step, 0);
  const Positioned& x = step.operands[0];
  if (step.operands[1].axis || !x.axis || *x.axis == 0) step.cannot("its index has positions");
  if (*x.axis > 1) return rebuilt(step, *x.axis - 1);
  if (step.chunk() != Dim(1)) return rebuilt(step, std::nullopt);
  return {{step.builder.reshape(x.value, step.graph[step.node].results[0].shape)}};
}

std::vector<Positioned> shift(Incremental& step) {
  require_same_axes(step, 0);
  const Positioned& x = step.operands[0];
  const std::int64_t by = step.attrs().integer("by");
  if (*x.axis != axis_attr(step) || by == 0) return rebuilt(step, x.axis);
  if (by < 0) step.cannot("it looks at later positions");
  if (x.axis != 1) step.cannot("positions must stand on axis 1");
  const Attrs attrs = {{"size", Shape{step.chunk()}}, {"by", by}};
  return {{step.builder.op(OpKind::cache_read, {step.cached(x, "x"), step.past()}, attrs), 1}};
}

std::vector<Positioned> slice(Incremental& step) {
  const Positioned& x = step.operands[0];
  const bool of_positions = step.attrs().get<Shape>("size")[0] == positions;
  if (x.axis) {
    require_same_axes(step, 0);
    if (*x.axis != axis_attr(step)) return rebuilt(step, x.axis);
    if (!of_positions) step.cannot("it takes some of the positions");
    return {x};
  }
  if (axis_attr(step) != 0) step.cannot("what it takes for each position must be rows of axis 0");
  return {rows_of_table(step, x.value, step.attrs().integer("start"))};
}

std::vector<Positioned> transpose(Incremental& step) {
  require_same_axes(step, 0);
  const Ints& perm = step.attrs().ints("perm");
  const auto axis = static_cast<std::int64_t>(*step.operands[0].axis);
  const auto found = std::ranges::find(perm, axis);
  return rebuilt(step, static_cast<std::size_t>(found - perm.begin()));
}

}  // namespace incremental

std::vector<Positioned> run_incremental(Incremental& step) {
  const OpDef& def = op_def(step.graph[step.node]);
  return def.incremental != nullptr ? def.incremental(step) : incremental::by_traits(step);
}

}  // namespace gptc::ir

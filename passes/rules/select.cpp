// select(op(x…), index) -> op(select(x, index)…): what `logits` needs of one position only is
// computed for that position only, as far down as the op above mixes positions.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "ir/builder.h"
#include "ir/op_def.h"
#include "passes/rewrite.h"
#include "passes/rules/rules.h"

namespace gptc::passes::rules {
namespace {

/// A select and the node it reads, which nothing else does.
struct Selection {
  ir::NodeId select;
  ir::Value index;
  ir::Value source;
};

std::optional<Selection> match(const ir::Graph& graph, ir::NodeId id) {
  const ir::Node& node = graph[id];
  if (node.kind != ir::OpKind::select) return std::nullopt;
  const ir::Value source = node.operands[0];
  const ir::Node& producer = graph.node(source);
  std::size_t uses = 0;
  for (std::uint32_t i = 0; i < producer.results.size(); ++i) {
    uses += graph.use_count({source.node, i});
  }
  if (uses != 1) return std::nullopt;
  return Selection{id, node.operands[1], source};
}

/// select(x, index), the existing one if there is one, so that x keeps a single use.
ir::Value selected(ir::Builder& builder, ir::Value x, ir::Value index) {
  const ir::Graph& graph = builder.graph();
  for (const ir::Use& use : graph.uses(x)) {
    const ir::Node& user = graph[use.node];
    if (user.kind == ir::OpKind::select && user.operands[0] == x && user.operands[1] == index) {
      return {use.node, 0};
    }
  }
  return builder.op(ir::OpKind::select, {x, index});
}

/// How an operand takes part in one selected row: with its own selected row, or whole.
enum class Part { row, whole };

/// By the row's traits: operands of broadcasting ops are aligned from the right, those of other
/// row_local ops from the left, except that one row alone serves all.
std::optional<Part> part_of(const ir::OpDef& def, const ir::Shape& operand,
                            const ir::Shape& result) {
  const std::size_t rank = operand.rank();
  const bool leads = rank >= 2 && operand[0] == result[0] && operand[1] == result[1];
  if (rank == result.rank() && leads) return Part::row;
  if (def.has(ir::Trait::broadcasts)) {
    return rank + 2 <= result.rank() ? std::optional(Part::whole) : std::nullopt;
  }
  if (rank <= 1) return Part::whole;
  return leads ? std::optional(Part::row) : std::nullopt;
}

/// Rebuilds the source on selected operands in the select's place.
void sink(ir::Graph& graph, const Selection& found, const std::vector<Part>& parts,
          const ir::Attrs& attrs) {
  const ir::Node source = graph.node(found.source);
  ir::Builder builder(graph);
  builder.set_origin(source.origin);
  std::vector<ir::Value> operands = source.operands;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (parts[i] == Part::row) operands[i] = selected(builder, operands[i], found.index);
  }
  const ir::NodeId made = builder.node(source.kind, operands, attrs);
  replace(graph, {found.select, 0}, {made, found.source.result});
}

/// Through ops that compute each row from the same rows. Not random ones: element indices count.
bool through_row_local(ir::Graph& graph, ir::NodeId id) {
  const std::optional<Selection> found = match(graph, id);
  if (!found) return false;
  const ir::Node& source = graph.node(found->source);
  const ir::OpDef& def = ir::op_def(source);
  const ir::Shape& result = graph.type(found->source).shape;
  if (!def.has(ir::Trait::row_local) || def.has(ir::Trait::random) || source.body != nullptr) {
    return false;
  }
  if (result.rank() < 3) return false;  // axis 1 would be within the row
  std::vector<Part> parts;
  for (const ir::Value operand : source.operands) {
    const std::optional<Part> part = part_of(def, graph.type(operand).shape, result);
    if (!part) return false;
    parts.push_back(*part);
  }
  sink(graph, *found, parts, source.attrs);
  return true;
}

/// Through a product with 2-D weights: select(a·w) -> select(a)·w.
bool through_product(ir::Graph& graph, ir::NodeId id) {
  const std::optional<Selection> found = match(graph, id);
  if (!found) return false;
  const ir::Node& source = graph.node(found->source);
  const auto rows_alone = [&] {
    if (source.kind == ir::OpKind::matmul_i4) return true;
    if (source.kind != ir::OpKind::matmul) return false;
    return !source.attrs.flag("transpose_a") && source.attrs.strings("epilogue").empty();
  };
  if (!rows_alone() || graph.type(source.operands[1]).shape.rank() != 2) return false;
  if (graph.type(source.operands[0]).shape.rank() < 3) return false;
  std::vector<Part> parts(source.operands.size(), Part::whole);
  parts[0] = Part::row;
  sink(graph, *found, parts, source.attrs);
  return true;
}

/// Through a lookup: of the rows looked up, only the selected.
bool through_embedding(ir::Graph& graph, ir::NodeId id) {
  const std::optional<Selection> found = match(graph, id);
  if (!found || graph.node(found->source).kind != ir::OpKind::embedding) return false;
  const ir::Node& source = graph.node(found->source);
  if (graph.type(source.operands[1]).shape.rank() < 2) return false;
  sink(graph, *found, {Part::whole, Part::row}, source.attrs);
  return true;
}

/// Through attention to caches: the selected query alone, which stands so much further on.
bool through_cached_attention(ir::Graph& graph, ir::NodeId id) {
  const std::optional<Selection> found = match(graph, id);
  if (!found || graph.node(found->source).kind != ir::OpKind::cached_attention) return false;
  const ir::Node source = graph.node(found->source);
  const ir::Shape& shape = source.results[0].shape;
  const ir::Dim one(1);
  if (shape[1] == one) return false;
  ir::Builder builder(graph);
  builder.set_origin(source.origin);
  const ir::Attrs every = {{"size", ir::Shape{shape[1]}},
                           {"limit", std::int64_t{std::numeric_limits<std::int32_t>::max()}}};
  const ir::Value whole = source.operands[0];
  const ir::Shape alone = {shape[0], one, graph.type(whole).shape[2]};
  const ir::Value q = builder.reshape(selected(builder, whole, found->index), alone);
  const ir::Value positions = builder.op(ir::OpKind::positions, {source.operands[3]}, every);
  const ir::Value past = selected(builder, positions, found->index);
  const ir::Value y =
      builder.op(source.kind, {q, source.operands[1], source.operands[2], past}, source.attrs);
  replace(graph, {found->select, 0}, builder.reshape(y, {shape[0], shape[2]}));
  return true;
}

}  // namespace

std::vector<Rule> select() {
  return {through_row_local, through_product, through_embedding, through_cached_attention};
}

}  // namespace gptc::passes::rules

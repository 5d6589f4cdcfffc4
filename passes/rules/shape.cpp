// Rules on ops that only move elements: those that do nothing go, pairs become one.
#include <algorithm>
#include <array>
#include <numeric>

#include "ir/builder.h"
#include "ir/op_def.h"
#include "passes/rewrite.h"
#include "passes/rules/rules.h"

namespace gptc::passes::rules {
namespace {

/// Ops that are the identity wherever their result has the operand's type.
constexpr std::array identity_by_type = {ir::OpKind::reshape,    ir::OpKind::broadcast,
                                         ir::OpKind::slice,      ir::OpKind::pad,
                                         ir::OpKind::reduce_sum, ir::OpKind::reduce_max};
/// Ops of which the second makes the first pointless: reshape(reshape(x)) is reshape(x).
constexpr std::array absorbs_itself = {ir::OpKind::reshape, ir::OpKind::broadcast};

template <std::size_t N>
bool is_one_of(ir::OpKind kind, const std::array<ir::OpKind, N>& kinds) {
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

bool identity_type(ir::Graph& graph, ir::NodeId id) {
  if (!is_one_of(graph[id].kind, identity_by_type)) return false;
  const ir::Value x = graph[id].operands[0];
  if (graph.type(x) != graph[id].results[0]) return false;
  replace(graph, {id, 0}, x);
  return true;
}

bool identity_permutation(ir::Graph& graph, ir::NodeId id) {
  if (graph[id].kind != ir::OpKind::transpose) return false;
  const ir::Ints& perm = graph[id].attrs.ints("perm");
  ir::Ints ascending(perm.size());
  std::iota(ascending.begin(), ascending.end(), 0);
  if (perm != ascending) return false;
  replace(graph, {id, 0}, graph[id].operands[0]);
  return true;
}

bool shift_by_nothing(ir::Graph& graph, ir::NodeId id) {
  if (graph[id].kind != ir::OpKind::shift || graph[id].attrs.integer("by") != 0) return false;
  replace(graph, {id, 0}, graph[id].operands[0]);
  return true;
}

bool concat_of_one(ir::Graph& graph, ir::NodeId id) {
  if (graph[id].kind != ir::OpKind::concat || graph[id].operands.size() != 1) return false;
  replace(graph, {id, 0}, graph[id].operands[0]);
  return true;
}

/// The node on its operand's operand, with other attributes.
void skip_operand(ir::Graph& graph, ir::NodeId id, ir::Attrs attrs) {
  ir::Builder builder(graph);
  builder.set_origin(graph[id].origin);
  const ir::Value x = graph.node(graph[id].operands[0]).operands[0];
  replace(graph, {id, 0}, builder.op(graph[id].kind, {x}, std::move(attrs)));
}

bool pair_of_reshapes(ir::Graph& graph, ir::NodeId id) {
  const ir::Node& node = graph[id];
  if (!is_one_of(node.kind, absorbs_itself)) return false;
  if (graph.node(node.operands[0]).kind != node.kind) return false;
  skip_operand(graph, id, node.attrs);
  return true;
}

bool pair_of_transposes(ir::Graph& graph, ir::NodeId id) {
  const ir::Node& outer = graph[id];
  if (outer.kind != ir::OpKind::transpose) return false;
  const ir::Node& inner = graph.node(outer.operands[0]);
  if (inner.kind != ir::OpKind::transpose) return false;
  ir::Ints perm;
  for (const std::int64_t axis : outer.attrs.ints("perm")) {
    perm.push_back(inner.attrs.ints("perm")[static_cast<std::size_t>(axis)]);
  }
  skip_operand(graph, id, {{"perm", std::move(perm)}});
  return true;
}

bool pair_of_slices(ir::Graph& graph, ir::NodeId id) {
  const ir::Node& outer = graph[id];
  if (outer.kind != ir::OpKind::slice) return false;
  const ir::Node& inner = graph.node(outer.operands[0]);
  if (inner.kind != ir::OpKind::slice) return false;
  if (inner.attrs.integer("axis") != outer.attrs.integer("axis")) return false;
  ir::Attrs attrs = outer.attrs;
  attrs.set("start", outer.attrs.integer("start") + inner.attrs.integer("start"));
  skip_operand(graph, id, std::move(attrs));
  return true;
}

}  // namespace

std::vector<Rule> shape() {
  return {identity_type,    identity_permutation, shift_by_nothing, concat_of_one,
          pair_of_reshapes, pair_of_transposes,   pair_of_slices};
}

}  // namespace gptc::passes::rules

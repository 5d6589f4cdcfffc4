// Rules that let one op do what two did: transposed matmul operands, adding into a table, joining
// the gradients of slices.
#include <algorithm>
#include <optional>
#include <utility>

#include "ir/builder.h"
#include "ir/op_def.h"
#include "passes/rewrite.h"
#include "passes/rules/rules.h"

namespace gptc::passes::rules {
namespace {

/// Swaps the last two axes and nothing else.
bool swaps_last_two(const ir::Ints& perm) {
  const std::size_t rank = perm.size();
  if (rank < 2) return false;
  for (std::size_t i = 0; i + 2 < rank; ++i) {
    if (perm[i] != static_cast<std::int64_t>(i)) return false;
  }
  return perm[rank - 1] == static_cast<std::int64_t>(rank - 2);
}

/// matmul(transpose(a), b) -> matmul(a, b) {transpose_a}
bool matmul_of_transpose(ir::Graph& graph, ir::NodeId id) {
  if (graph[id].kind != ir::OpKind::matmul) return false;
  for (const auto& [operand, flag] : {std::pair(0, "transpose_a"), std::pair(1, "transpose_b")}) {
    const ir::Value value = graph[id].operands[static_cast<std::size_t>(operand)];
    const ir::Node& producer = graph.node(value);
    if (producer.kind != ir::OpKind::transpose) continue;
    if (!swaps_last_two(producer.attrs.ints("perm"))) continue;
    graph.set_operand(id, static_cast<std::size_t>(operand), producer.operands[0]);
    graph.set_attr(id, flag, !graph[id].attrs.flag(flag));
    erase_dead(graph, value.node);
    return true;
  }
  return false;
}

/// x + embedding_grad(ids, dy) -> scatter_add(x, ids, dy): no second table.
bool scatter_into_sum(ir::Graph& graph, ir::NodeId id) {
  if (graph[id].kind != ir::OpKind::add) return false;
  for (std::size_t i = 0; i < 2; ++i) {
    const ir::Value table = graph[id].operands[i];
    const ir::Value x = graph[id].operands[1 - i];
    const ir::Node& grad = graph.node(table);
    if (grad.kind != ir::OpKind::embedding_grad || graph.use_count(table) != 1) continue;
    if (graph.type(x) != graph[id].results[0] || graph.type(table) != graph[id].results[0])
      continue;
    ir::Builder builder(graph);
    builder.set_origin(graph[id].origin);
    const std::vector<ir::Value> operands = {x, grad.operands[0], grad.operands[1]};
    replace(graph, {id, 0}, builder.op(ir::OpKind::scatter_add, operands));
    return true;
  }
  return false;
}

/// The terms of a sum whose inner sums and pads nobody else uses; nothing unless all are pads of
/// one type along one axis.
std::optional<std::vector<ir::Value>> padded_terms(const ir::Graph& graph, ir::NodeId sum) {
  std::vector<ir::Value> waiting = graph[sum].operands;
  std::vector<ir::Value> pads;
  while (!waiting.empty()) {
    const ir::Value value = waiting.back();
    waiting.pop_back();
    const ir::Node& node = graph.node(value);
    if (graph.use_count(value) != 1 || node.results[0] != graph[sum].results[0])
      return std::nullopt;
    if (node.kind == ir::OpKind::add) {
      waiting.insert(waiting.end(), node.operands.begin(), node.operands.end());
    } else if (node.kind == ir::OpKind::pad) {
      pads.push_back(value);
    } else {
      return std::nullopt;
    }
  }
  const std::int64_t axis = graph.node(pads[0]).attrs.integer("axis");
  const bool one_axis = std::all_of(pads.begin(), pads.end(), [&](ir::Value pad) {
    return graph.node(pad).attrs.integer("axis") == axis;
  });
  return one_axis ? std::optional(pads) : std::nullopt;
}

/// pad(a) + pad(b) + … that together fill the axis -> concat(a, b, …)
bool sum_of_pads(ir::Graph& graph, ir::NodeId id) {
  if (graph[id].kind != ir::OpKind::add || !graph[id].results[0].shape.is_concrete()) return false;
  std::optional<std::vector<ir::Value>> pads = padded_terms(graph, id);
  if (!pads) return false;
  const auto before = [&](ir::Value pad) { return graph.node(pad).attrs.integer("before"); };
  std::sort(pads->begin(), pads->end(),
            [&](ir::Value a, ir::Value b) { return before(a) < before(b); });
  const std::int64_t axis = graph.node(pads->front()).attrs.integer("axis");
  const auto along = static_cast<std::size_t>(axis);
  std::int64_t filled = 0;
  std::vector<ir::Value> parts;
  for (const ir::Value pad : *pads) {
    if (before(pad) != filled) return false;
    parts.push_back(graph.node(pad).operands[0]);
    filled += graph.type(parts.back()).shape[along].size();
  }
  if (filled != graph[id].results[0].shape[along].size()) return false;
  ir::Builder builder(graph);
  builder.set_origin(graph[id].origin);
  replace(graph, {id, 0}, builder.op(ir::OpKind::concat, parts, {{"axis", axis}}));
  return true;
}

}  // namespace

std::vector<Rule> structure() { return {matmul_of_transpose, scatter_into_sum, sum_of_pads}; }

}  // namespace gptc::passes::rules

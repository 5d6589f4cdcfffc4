#include "passes/share_forward.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "ir/graph_algo.h"
#include "ir/op_def.h"
#include "passes/rewrite.h"

namespace gptc::passes {
namespace {

bool same_computation(const ir::Node& ours, const ir::Node& theirs) {
  return theirs.operands.size() >= ours.operands.size() &&
         std::equal(ours.operands.begin(), ours.operands.end(), theirs.operands.begin()) &&
         std::all_of(ours.attrs.begin(), ours.attrs.end(), [&](const auto& entry) {
           const ir::AttrValue* value = theirs.attrs.find(entry.first);
           return value != nullptr && *value == entry.second;
         });
}

/// A node of the wanted op on our operands that does not depend on us.
std::optional<ir::NodeId> find_partner(const ir::Graph& graph, ir::NodeId ours, ir::OpKind by) {
  const ir::Node& node = graph[ours];
  for (const ir::Use& use : graph.uses(node.operands[0])) {
    if (graph[use.node].kind != by || !same_computation(node, graph[use.node])) continue;
    const std::vector<bool> after = ir::reachable(graph, {ours}, ir::Direction::to_users);
    if (!after[use.node.index]) return use.node;
  }
  return std::nullopt;
}

bool share(ir::Graph& graph, ir::NodeId id) {
  bool changed = false;
  for (const ir::ComputedBy& rule : ir::op_def(graph[id]).computed_by) {
    const ir::Value ours{id, rule.result};
    if (graph.use_count(ours) == 0) continue;
    const std::optional<ir::NodeId> partner = find_partner(graph, id, rule.by);
    if (!partner) continue;
    graph.replace_uses(ours, {*partner, rule.by_result});
    changed = true;
  }
  if (changed) erase_dead(graph, id);
  return changed;
}

}  // namespace

bool share_forward(ir::Graph& graph, const PassContext&) {
  bool changed = false;
  for (const ir::NodeId id : ir::topological_order(graph)) {
    if (graph.alive(id)) changed |= share(graph, id);
  }
  if (changed) graph.compact();
  return changed;
}

}  // namespace gptc::passes

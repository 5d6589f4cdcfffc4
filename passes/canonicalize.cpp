#include "passes/canonicalize.h"

#include <algorithm>
#include <array>
#include <vector>

#include "ir/check.h"
#include "ir/graph_algo.h"
#include "passes/rules/rules.h"

namespace gptc::passes {
namespace {

/// Each rule moves a graph one way only; a graph that needs more sweeps than this runs in circles.
constexpr std::size_t sweeps_per_node = 4;

bool rewrite_node(ir::Graph& graph, ir::NodeId id) {
  static const std::vector<rules::Rule> table = rules::all();
  return std::any_of(table.begin(), table.end(), [&](rules::Rule rule) { return rule(graph, id); });
}

bool sweep(ir::Graph& graph) {
  bool changed = false;
  for (const ir::NodeId id : ir::topological_order(graph)) {
    if (graph.alive(id)) changed |= rewrite_node(graph, id);
  }
  return changed;
}

}  // namespace

bool canonicalize(ir::Graph& graph, const PassContext&) {
  const std::size_t most = sweeps_per_node * (graph.slots() + 1);
  std::size_t sweeps = 0;
  while (sweep(graph)) {
    ++sweeps;
    ir::internal_check(sweeps < most, "canonicalize: no fixed point after {} sweeps", sweeps);
  }
  if (sweeps > 0) graph.compact();
  return sweeps > 0;
}

}  // namespace gptc::passes

#include "passes/dce.h"

#include <vector>

#include "ir/graph_algo.h"

namespace gptc::passes {

bool dce(ir::Graph& graph, const PassContext&) {
  std::vector<ir::NodeId> roots = graph.inputs();
  for (const ir::Output& output : graph.outputs()) roots.push_back(output.value.node);
  for (const ir::Update& update : graph.updates()) roots.push_back(update.value.node);
  const std::vector<bool> needed = ir::reachable(graph, roots, ir::Direction::to_operands);

  bool changed = false;
  const std::vector<ir::NodeId> order = ir::topological_order(graph);
  for (auto id = order.rbegin(); id != order.rend(); ++id) {
    if (needed[id->index]) continue;
    graph.erase(*id);
    changed = true;
  }
  if (changed) graph.compact();
  return changed;
}

}  // namespace gptc::passes

#include "passes/cse.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ir/graph_algo.h"
#include "ir/op_def.h"
#include "ir/print.h"

namespace gptc::passes {
namespace {

/// Equal texts are equal computations. Attributes print exactly; the body's origins do not matter.
std::string key(const ir::Graph& graph, ir::NodeId id) {
  const ir::Node& node = graph[id];
  std::vector<ir::Value> operands = node.operands;
  if (ir::op_def(node).has(ir::Trait::commutative) && operands[1] < operands[0]) {
    std::swap(operands[0], operands[1]);
  }
  std::string text = std::to_string(static_cast<int>(node.kind));
  for (const ir::Value operand : operands) {
    text += fmt::format(" %{}:{}", operand.node.index, operand.result);
  }
  for (const auto& [name, value] : node.attrs) {
    text += fmt::format(" {}={}", name, ir::attr_text(value));
  }
  if (node.body != nullptr) text += ir::print(*node.body, {.locations = false});
  return text;
}

/// A value without operands that a state takes is written straight into the state; shared, it would
/// have to be copied.
bool belongs_to_state(const ir::Graph& graph, ir::NodeId id) {
  return graph[id].operands.empty() &&
         std::any_of(graph.updates().begin(), graph.updates().end(),
                     [&](const ir::Update& update) { return update.value.node == id; });
}

bool mergeable(const ir::Graph& graph, ir::NodeId id) {
  const ir::OpKind kind = graph[id].kind;
  return kind != ir::OpKind::input && kind != ir::OpKind::state && !belongs_to_state(graph, id);
}

}  // namespace

bool cse(ir::Graph& graph, const PassContext&) {
  bool changed = false;
  std::unordered_map<std::string, ir::NodeId> first;
  for (const ir::NodeId id : ir::topological_order(graph)) {
    if (!mergeable(graph, id)) continue;
    const auto [known, is_new] = first.try_emplace(key(graph, id), id);
    if (is_new) continue;
    for (std::uint32_t i = 0; i < graph[id].results.size(); ++i) {
      graph.replace_uses({id, i}, {known->second, i});
    }
    graph.erase(id);
    changed = true;
  }
  if (changed) graph.compact();
  return changed;
}

}  // namespace gptc::passes

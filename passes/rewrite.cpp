#include "passes/rewrite.h"

#include <vector>

#include "ir/builder.h"
#include "ir/check.h"
#include "ir/op_def.h"

namespace gptc::passes {

std::optional<double> constant_value(const ir::Graph& graph, ir::Value value) {
  const ir::Node& node = graph.node(value);
  if (node.kind != ir::OpKind::constant) return std::nullopt;
  return node.attrs.real("value");
}

void erase_dead(ir::Graph& graph, ir::NodeId node) {
  std::vector<ir::NodeId> waiting = {node};
  while (!waiting.empty()) {
    const ir::NodeId id = waiting.back();
    waiting.pop_back();
    if (!graph.alive(id) || graph.has_uses(id) || graph[id].kind == ir::OpKind::input) continue;
    const std::vector<ir::Value> operands = graph[id].operands;
    graph.erase(id);
    for (const ir::Value operand : operands) waiting.push_back(operand.node);
  }
}

void replace(ir::Graph& graph, ir::Value from, ir::Value to) {
  graph.replace_uses(from, to);
  erase_dead(graph, from.node);
}

bool expand(ir::Graph& graph, ir::NodeId id) {
  const ir::Node node = graph[id];
  const ir::OpDef& def = ir::op_def(node);
  if (def.decompose == nullptr) return false;
  ir::Builder builder(graph);
  builder.set_origin(node.origin);
  const std::vector<ir::Value> values = def.decompose(builder, node, node.operands);
  if (values.empty()) return false;
  ir::internal_check(values.size() == node.results.size(),
                     "{}: the decomposition gives {} results for {}", def.name, values.size(),
                     node.results.size());
  for (std::uint32_t i = 0; i < values.size(); ++i) {
    ir::internal_check(graph.type(values[i]) == node.results[i],
                       "{}: result {} is {}, but the decomposition gives {}", def.name, i,
                       node.results[i].text(), graph.type(values[i]).text());
    graph.replace_uses({id, i}, values[i]);
  }
  erase_dead(graph, id);
  for (const ir::Value value : values) erase_dead(graph, value.node);
  return true;
}

std::string where(const ir::Origin& origin) {
  std::string text;
  if (!origin.file.empty()) text += fmt::format(" at {}:{}", origin.file, origin.line);
  if (!origin.scope.empty()) text += fmt::format(" ({})", origin.scope);
  return text;
}

}  // namespace gptc::passes

#include "passes/liveness.h"

#include <algorithm>

namespace gptc::passes {

std::vector<std::vector<Lifetime>> liveness(const ir::Graph& graph) {
  const auto last = static_cast<std::uint32_t>(graph.slots());
  std::vector<std::vector<Lifetime>> lives(graph.slots());
  const auto use = [&](ir::Value value, std::uint32_t when) {
    Lifetime& life = lives[value.node.index][value.result];
    life.end = std::max(life.end, when);
    life.used = true;
  };
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node& node = graph[id];
    const std::uint32_t born = node.kind == ir::OpKind::input ? 0 : id.index;
    lives[id.index].assign(node.results.size(), {.begin = born, .end = id.index});
    for (const ir::Value operand : node.operands) use(operand, id.index);
  }
  for (const ir::Output& output : graph.outputs()) use(output.value, last);
  for (const ir::Update& update : graph.updates()) use(update.value, last);
  return lives;
}

}  // namespace gptc::passes

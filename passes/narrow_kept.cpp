#include "passes/narrow_kept.h"

#include <algorithm>

#include "ir/builder.h"
#include "ir/op_def.h"

namespace gptc::passes {
namespace {

using ir::DType;
using ir::Value;

bool reads_whole_numbers(const ir::Graph& graph) {
  return std::ranges::any_of(graph.nodes(), [&](ir::NodeId id) {
    const ir::Node& node = graph[id];
    return node.kind == ir::OpKind::state && node.results[0].dtype == DType::i8;
  });
}

}  // namespace

bool narrow_kept(ir::Graph& graph, const Derivation& /*derivation*/) {
  if (!reads_whole_numbers(graph)) return false;
  bool changed = false;
  ir::Builder builder(graph);
  for (const ir::NodeId id : graph.nodes()) {
    const ir::Node node = graph[id];
    for (const std::size_t operand : ir::op_def(node).kept) {
      const Value kept = node.operands[operand];
      if (graph.type(kept).dtype != DType::f32) continue;
      builder.set_origin(node.origin);
      graph.set_operand(id, operand,
                        builder.op(ir::OpKind::cast, {kept}, {{"dtype", DType::bf16}}));
      changed = true;
    }
  }
  return changed;
}

}  // namespace gptc::passes

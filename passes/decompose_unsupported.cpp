#include "passes/decompose_unsupported.h"

#include <string>

#include "ir/check.h"
#include "ir/op_def.h"
#include "passes/rewrite.h"

namespace gptc::passes {
namespace {

std::string operand_types(const ir::Graph& graph, ir::NodeId id) {
  std::string text;
  for (const ir::Value operand : graph[id].operands) {
    text += (text.empty() ? "" : ", ") + graph.type(operand).text();
  }
  return text;
}

bool has_kernel(const ir::Graph& graph, ir::NodeId id, const PassContext& context) {
  const ir::OpKind kind = graph[id].kind;
  if (kind == ir::OpKind::input || kind == ir::OpKind::state) return true;
  return !context.supports || context.supports(graph, id);
}

}  // namespace

bool decompose_unsupported(ir::Graph& graph, const PassContext& context) {
  bool changed = false;
  // Decompositions append nodes, which the loop reaches in their turn.
  for (std::uint32_t i = 0; i < graph.slots(); ++i) {
    const ir::NodeId id{i};
    if (!graph.alive(id) || has_kernel(graph, id, context)) continue;
    if (!expand(graph, id)) {
      ir::user_error(
          "{}: the backend has no kernel for operands ({}), and the op has no decomposition{}",
          ir::op_def(graph[id]).name, operand_types(graph, id), where(graph[id].origin));
    }
    changed = true;
  }
  if (changed) graph.compact();
  return changed;
}

}  // namespace gptc::passes

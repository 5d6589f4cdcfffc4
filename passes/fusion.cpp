#include "passes/fusion.h"

#include <fmt/format.h>

#include "ir/op_def.h"
#include "passes/rewrite.h"

namespace gptc::passes {

Attempt::Attempt(const PassContext& context, std::string_view pass, const ir::Graph& graph,
                 ir::NodeId anchor)
    : context_(context) {
  if (!context_.explain) return;
  head_ = fmt::format("{}: {} {}{}", pass, graph.name(), op_name(graph, anchor),
                      where(graph[anchor].origin));
}

void Attempt::say(std::string_view text) {
  if (context_.explain) context_.explain(fmt::format("{}: {}", head_, text));
}

bool Attempt::require(bool holds, std::string_view rule, std::string_view got) {
  if (!holds) say(fmt::format("not fused: {}, but got {}", rule, got));
  return holds;
}

void Attempt::applied(std::string_view what) { say(fmt::format("fused {}", what)); }

std::optional<ir::NodeId> only_user(const ir::Graph& graph, ir::Value value) {
  if (graph.use_count(value) != 1) return std::nullopt;
  const auto uses = graph.uses(value);
  if (uses.empty()) return std::nullopt;
  return uses[0].node;
}

std::string_view op_name(const ir::Graph& graph, ir::NodeId node) {
  return ir::op_def(graph[node]).name;
}

}  // namespace gptc::passes

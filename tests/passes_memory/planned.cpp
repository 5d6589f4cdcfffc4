#include "tests/passes_memory/planned.h"

#include <stdexcept>

#include "ir/check.h"
#include "ir/parse.h"
#include "passes/compile.h"
#include "passes/plan_memory.h"
#include "tests/fuzz/random_graph.h"

namespace gptc::testing {
namespace {

passes::PassContext context() {
  passes::PassContext context;
  context.workspace_bytes = [](const ir::Graph& graph, ir::NodeId id) -> std::int64_t {
    return graph[id].kind == ir::OpKind::matmul ? 100 : 0;
  };
  return context;
}

}  // namespace

ir::NodeId Planned::node(ir::OpKind kind, std::size_t n) const {
  for (const ir::NodeId id : program.graph.nodes()) {
    if (program.graph[id].kind == kind && n-- == 0) return id;
  }
  throw std::logic_error("there is no such node");
}

Planned planned(std::string_view text) {
  Planned result;
  result.module = ir::parse(text);
  ir::Graph& graph = result.module.graphs().front();
  graph.compact();
  result.program = passes::plan_memory(result.module, graph, context());
  return result;
}

Planned planned_model(std::uint64_t seed, const std::string& graph) {
  RandomModel model = random_model(seed);
  const ir::Graph lowered =
      passes::lower(model.module, {.graph = graph, .sizes = model.sizes}, context());
  return {model.module, passes::plan_memory(model.module, lowered, context())};
}

std::string complaint(const Planned& planned) {
  try {
    passes::check_plan(planned.module, planned.program);
    return "";
  } catch (const ir::InternalError& error) {
    return error.detail();
  }
}

}  // namespace gptc::testing

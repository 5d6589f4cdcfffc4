#include "passes/compile.h"

#include <algorithm>
#include <utility>

#include "ir/check.h"
#include "passes/pipelines.h"

namespace gptc::passes {
namespace {

/// Arguments and results are what the interface says, no more.
void check_interface(const ir::Graph& graph, const Interface& interface) {
  const auto has = [](const auto& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const ir::NodeId input : graph.inputs()) {
    const std::string& name = graph[input].attrs.string("name");
    ir::internal_check(has(interface.inputs, name), "graph {}: input '{}' is not in its interface",
                       graph.name(), name);
  }
  for (const ir::Output& output : graph.outputs()) {
    ir::internal_check(has(interface.outputs, output.name),
                       "graph {}: output '{}' is not in its interface", graph.name(), output.name);
  }
}

}  // namespace

ir::Graph& lower(ir::Module& module, const DeriveRequest& request, const PassContext& context,
                 const RunnerOptions& options) {
  const Interface& interface = find_interface(request.graph);
  const std::vector<Row> rows = pipeline(request.graph);
  ir::Graph graph(request.graph);
  run_pipeline(graph, rows, {module, request}, context, options);
  if (options.stop_after.empty()) check_interface(graph, interface);
  return module.add_graph(std::move(graph));
}

}  // namespace gptc::passes

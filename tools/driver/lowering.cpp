#include "tools/driver/lowering.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ir/check.h"
#include "ir/verify.h"
#include "passes/plan_memory.h"
#include "tools/driver/memory.h"

namespace gptc::driver {
namespace {

/// The most of any graph: none runs beside another.
std::int64_t allocated_by(const std::vector<ir::Graph>& graphs, const LoweringOptions& options) {
  std::int64_t most = 0;
  if (!options.allocated_bytes) return most;
  for (const ir::Graph& graph : graphs) most = std::max(most, options.allocated_bytes(graph));
  return most;
}

/// What the graphs' arena may take beside the states. UserError if the states alone are too much.
void fit_budget(const ir::Module& module, std::vector<ir::Graph>& graphs,
                const LoweringOptions& options) {
  const std::int64_t others =
      ir::layout_states(module).bytes + options.memory_taken + allocated_by(graphs, options);
  passes::PassContext context = options.context;
  context.arena_budget = std::max<std::int64_t>(1, options.memory_budget - others);
  for (ir::Graph& graph : graphs) {
    if (passes::rematerialise(graph, context)) ir::verify(graph, &module);
  }
}

void check_budget(std::int64_t needed, std::int64_t budget) {
  ir::user_check(budget <= 0 || needed <= budget,
                 "--mem: the smallest plan takes {}, but the budget is {}; give --mem {} or more, "
                 "or a smaller --batch or --ctx",
                 bytes_text(needed), bytes_text(budget), needed);
}

std::int64_t arena_of(const ir::Module& module, const ir::Graph& graph,
                      const passes::PassContext& context) {
  return passes::plan_memory(module, graph, context).arena_bytes;
}

}  // namespace

std::string bytes_text(std::int64_t bytes) {
  return fmt::format("{} ({} bytes)", size_text(bytes), bytes);
}

std::vector<GraphRequest> requests_named(const std::string& name, const passes::DimSizes& sizes) {
  if (name != "generate") return {{name, name, sizes}};
  passes::DimSizes one = sizes;
  one['T'] = 1;
  return {{"prefill", "prefill", sizes}, {"decode", "decode", one}};
}

passes::DimSizes sizes_for(const std::string& name, passes::DimSizes sizes) {
  constexpr std::int64_t usual_chunk = 64;
  if (name != "generate" && name != "prefill" && name != "decode") return sizes;
  sizes['S'] = sizes.at('T');
  sizes['T'] = name == "decode" ? 1 : std::min(usual_chunk, sizes.at('S'));
  return sizes;
}

std::vector<ir::Graph> lower_all(ir::Module& module, const std::vector<GraphRequest>& requests,
                                 const LoweringOptions& options) {
  std::vector<ir::Graph> lowered;
  lowered.reserve(requests.size());
  for (const GraphRequest& request : requests) {
    lowered.push_back(passes::lower(module,
                                    {.graph = request.graph,
                                     .sizes = request.sizes,
                                     .train = options.train,
                                     .dtype = options.dtype,
                                     .grad_dtype = options.grad_dtype,
                                     .exact = options.exact,
                                     .seed = options.seed},
                                    options.context, {.log = options.log}));
  }
  return lowered;
}

std::vector<PlannedGraph> lower_and_plan(ir::Module& module,
                                         const std::vector<GraphRequest>& requests,
                                         const LoweringOptions& options) {
  std::vector<ir::Graph> graphs = lower_all(module, requests, options);
  if (options.memory_budget > 0) fit_budget(module, graphs, options);
  const std::int64_t others = options.memory_taken + allocated_by(graphs, options);
  std::vector<PlannedGraph> planned;
  std::int64_t arena = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const std::int64_t allocated = options.allocated_bytes ? options.allocated_bytes(graphs[i]) : 0;
    planned.push_back(
        {requests[i].label, passes::plan_memory(module, graphs[i], options.context), allocated});
    graphs[i] = ir::Graph();  // the program has its own
    arena = std::max(arena, planned.back().program.arena_bytes);
  }
  check_budget(ir::layout_states(module).bytes + arena + others, options.memory_budget);
  return planned;
}

std::vector<CurvePoint> memory_curve(const ir::Module& module, const std::vector<ir::Graph>& graphs,
                                     std::size_t of, const LoweringOptions& options,
                                     const passes::Ceilings& ceilings) {
  std::int64_t others = 0;
  for (std::size_t i = 0; i < graphs.size(); ++i) {
    if (i != of) others = std::max(others, arena_of(module, graphs[i], options.context));
  }
  const std::int64_t fixed = ir::layout_states(module).bytes + allocated_by(graphs, options);
  passes::Frontier frontier(graphs[of], options.context);
  std::vector<CurvePoint> curve;
  while (const auto point = frontier.next()) {
    const std::int64_t peak = fixed + std::max(others, point->arena_bytes);
    if (!curve.empty() && curve.back().peak_bytes == peak) break;  // another graph needs that much
    curve.push_back({peak, passes::least_seconds(frontier.graph_of(*point), ceilings)});
  }
  return curve;
}

}  // namespace gptc::driver

#include "tools/driver/dump.h"

#include <algorithm>
#include <array>
#include <utility>

#include "ir/check.h"
#include "ir/print.h"
#include "passes/compile.h"
#include "passes/plan_memory.h"
#include "tools/driver/backends.h"
#include "tools/driver/lowering.h"

namespace gptc::driver {
namespace {

constexpr std::string_view declared_graph = "forward";

ir::Module module_with(const ir::Module& states, const ir::Graph& graph) {
  ir::Module module(states.name());
  for (const ir::State& state : states.states()) module.add_state(state);
  module.add_graph(graph);
  return module;
}

std::string place(const ir::Placement& placement) {
  constexpr std::array<std::string_view, 3> spaces = {"nowhere", "arena", "state"};
  const auto space = static_cast<std::size_t>(placement.space);
  if (placement.space == ir::Placement::Space::none) return std::string(spaces[space]);
  return fmt::format("{} {}+{}", spaces[space], placement.offset, placement.bytes);
}

std::string places(const ir::Program& program, ir::NodeId node) {
  std::string text;
  for (const ir::Placement& result : program.results[node.index])
    text += (text.empty() ? "" : ", ") + place(result);
  const ir::Placement& scratch = program.workspaces[node.index];
  if (scratch.bytes > 0) text += ", scratch " + place(scratch);
  return text;
}

Snapshot planned(const ir::Module& module, const ir::Graph& graph,
                 const passes::PassContext& context, std::string name) {
  Snapshot snapshot = {std::move(name), module_with(module, graph), {}};
  snapshot.programs.push_back(passes::plan_memory(module, graph, context));
  return snapshot;
}

/// The stages plan and final come behind all passes; `all` wants every pass and the plan.
bool behind_passes(const std::string& stage) {
  return stage == "plan" || stage == "final" || stage == "all";
}

/// As the model declares it, with its weights stored as asked for.
ir::Module declared(const ModelSource& source, const DumpRequest& request) {
  ir::Module module = dsl::declare(source.model, source.config, source.seed);
  if (request.weights) passes::store_weights(module, *request.weights);
  return module;
}

std::vector<Snapshot> dump_graph(const ModelSource& source, const runtime::Backend& backend,
                                 const DumpRequest& request, const GraphRequest& wanted) {
  ir::user_check(
      !request.weights || !passes::find_interface(wanted.graph).trains,
      "--graph {}: graphs that train need weights as they are declared; take --dtype f32 "
      "or bf16 and the folder of a run, or --graph eval, prefill, decode or generate",
      wanted.graph);
  ir::Module module = declared(source, request);
  passes::PassContext context = pass_context(backend);
  context.explain = request.explain;
  std::vector<Snapshot> snapshots;
  passes::RunnerOptions runner = {.log = request.log};
  if (!behind_passes(request.stage)) runner.stop_after = request.stage;
  runner.dump = [&](const passes::Point& point, const ir::Graph& graph) {
    const bool last = !runner.stop_after.empty() && passes::is_at(point, runner.stop_after);
    if (!last && request.stage != "all") return;
    if (last) snapshots.clear();  // the last place of that name is the one
    snapshots.push_back(
        {fmt::format("{:02}.{}", point.number, point.stage), module_with(module, graph), {}});
  };
  const passes::DeriveRequest derive = {.graph = wanted.graph,
                                        .sizes = wanted.sizes,
                                        .train = request.train,
                                        .dtype = request.dtype,
                                        .grad_dtype = request.grad_dtype,
                                        .seed = source.seed};
  const ir::Graph graph = passes::lower(module, derive, context, runner);
  if (request.stage == "final") snapshots.push_back({"final", module_with(module, graph), {}});
  if (request.stage == "plan" || request.stage == "all")
    snapshots.push_back(
        planned(module, graph, context, fmt::format("{:02}.plan", snapshots.size() + 1)));
  return snapshots;
}

/// Graphs with one pipeline have the same stages: each stage becomes one module of them all.
void join(std::vector<Snapshot>& all, std::vector<Snapshot> more) {
  if (all.empty()) return all.swap(more);
  ir::internal_check(all.size() == more.size(), "--dump-ir: the graphs have {} and {} stages",
                     all.size(), more.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const ir::State& state : more[i].module.states()) {
      if (all[i].module.find_state(state.name) == nullptr) all[i].module.add_state(state);
    }
    for (const ir::Graph& graph : more[i].module.graphs()) all[i].module.add_graph(graph);
    for (ir::Program& program : more[i].programs) all[i].programs.push_back(std::move(program));
  }
}

std::string plan_head(const Snapshot& snapshot) {
  std::string head;
  for (const ir::Program& program : snapshot.programs)
    head += fmt::format("# {}arena {} bytes, live lower bound {} bytes, states {} bytes\n",
                        snapshot.programs.size() > 1 ? program.graph.name() + ": " : "",
                        program.arena_bytes, program.lower_bound_bytes,
                        ir::layout_states(snapshot.module).bytes);
  return head;
}

}  // namespace

std::vector<Snapshot> dump_ir(const ModelSource& source, const runtime::Backend& backend,
                              const DumpRequest& request) {
  if (request.graph == declared_graph) {
    ir::user_check(request.stage == declared_graph || behind_passes(request.stage),
                   "--dump-ir: the graph forward is as the model declares it and has no stage '{}'",
                   request.stage);
    return {{"01.forward", declared(source, request), {}}};
  }
  std::vector<Snapshot> snapshots;
  for (const GraphRequest& wanted : requests_named(request.graph, request.sizes))
    join(snapshots, dump_graph(source, backend, request, wanted));
  return snapshots;
}

std::string snapshot_text(const Snapshot& snapshot) {
  if (snapshot.programs.empty()) return ir::print(snapshot.module);
  const auto comment = [&](const ir::Graph& graph, ir::NodeId node) {
    const auto program =
        std::ranges::find(snapshot.programs, graph.name(),
                          [](const ir::Program& candidate) { return candidate.graph.name(); });
    return program == snapshot.programs.end() ? std::string() : places(*program, node);
  };
  return plan_head(snapshot) + ir::print(snapshot.module, {.comment = comment});
}

}  // namespace gptc::driver

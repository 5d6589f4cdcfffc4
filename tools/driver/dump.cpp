#include "tools/driver/dump.h"

#include <array>
#include <utility>

#include "ir/check.h"
#include "ir/print.h"
#include "passes/compile.h"
#include "passes/plan_memory.h"
#include "tools/driver/backends.h"

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
  ir::Program program = passes::plan_memory(module, graph, context);
  return {std::move(name), module_with(module, graph), std::move(program)};
}

/// The stages plan and final come behind all passes; `all` wants every pass and the plan.
bool behind_passes(const std::string& stage) {
  return stage == "plan" || stage == "final" || stage == "all";
}

}  // namespace

std::vector<Snapshot> dump_ir(const ModelSource& source, const runtime::Backend& backend,
                              const DumpRequest& request) {
  ir::Module module = dsl::declare(source.model, source.config, source.seed);
  if (request.graph == declared_graph) {
    ir::user_check(request.stage == declared_graph || behind_passes(request.stage),
                   "--dump-ir: the graph forward is as the model declares it and has no stage '{}'",
                   request.stage);
    return {{"01.forward", std::move(module), std::nullopt}};
  }
  passes::PassContext context = pass_context(backend);
  context.explain = request.explain;
  std::vector<Snapshot> snapshots;
  passes::RunnerOptions runner = {.log = request.log};
  if (!behind_passes(request.stage)) runner.stop_after = request.stage;
  runner.dump = [&](const passes::Point& point, const ir::Graph& graph) {
    const bool last = !runner.stop_after.empty() && passes::is_at(point, runner.stop_after);
    if (!last && request.stage != "all") return;
    if (last) snapshots.clear();  // the last place of that name is the one
    snapshots.push_back({fmt::format("{:02}.{}", point.number, point.stage),
                         module_with(module, graph), std::nullopt});
  };
  const passes::DeriveRequest derive = {.graph = request.graph,
                                        .sizes = request.sizes,
                                        .train = request.train,
                                        .dtype = request.dtype,
                                        .grad_dtype = request.grad_dtype,
                                        .seed = source.seed};
  const ir::Graph graph = passes::lower(module, derive, context, runner);
  if (request.stage == "final")
    snapshots.push_back({"final", module_with(module, graph), std::nullopt});
  if (request.stage == "plan" || request.stage == "all")
    snapshots.push_back(
        planned(module, graph, context, fmt::format("{:02}.plan", snapshots.size() + 1)));
  return snapshots;
}

std::string snapshot_text(const Snapshot& snapshot) {
  if (!snapshot.program) return ir::print(snapshot.module);
  const ir::Program& program = *snapshot.program;
  std::string head = fmt::format("# arena {} bytes, live lower bound {} bytes, states {} bytes\n",
                                 program.arena_bytes, program.lower_bound_bytes,
                                 ir::layout_states(snapshot.module).bytes);
  return head + ir::print(snapshot.module, {.comment = [&](const ir::Graph&, ir::NodeId node) {
                            return places(program, node);
                          }});
}

}  // namespace gptc::driver

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/driver/backends.h"
#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/common_flags.h"
#include "tools/driver/commands/output.h"
#include "tools/driver/lowering.h"

namespace gptc::driver {
namespace {

struct PlanFlags {
  CommonFlags common;
  std::int64_t batch = 4;
  std::int64_t context = 0;
  std::vector<std::string> graphs = {"train", "eval", "generate"};
  bool json = false;
};

double ratio(const ir::Program& program) {
  return program.lower_bound_bytes == 0 ? 1.0
                                        : static_cast<double>(program.arena_bytes) /
                                              static_cast<double>(program.lower_bound_bytes);
}

std::string text_of(const std::vector<PlannedGraph>& planned, std::int64_t states) {
  std::string text = fmt::format("{:<12} {:>7} {:>15} {:>15} {:>7}\n", "graph", "nodes", "arena",
                                 "lower bound", "ratio");
  std::int64_t arena = 0;
  for (const auto& [label, program] : planned) {
    arena = std::max(arena, program.arena_bytes);
    text += fmt::format("{:<12} {:>7} {:>15} {:>15} {:>7.4f}\n", label, program.graph.slots(),
                        program.arena_bytes, program.lower_bound_bytes, ratio(program));
  }
  return text + fmt::format("states {} bytes, one arena {} bytes, together {} bytes ({:.2f} GiB)\n",
                            states, arena, states + arena,
                            static_cast<double>(states + arena) / (1024.0 * 1024.0 * 1024.0));
}

std::string json_of(const std::vector<PlannedGraph>& planned, std::int64_t states) {
  nlohmann::ordered_json result;
  std::int64_t arena = 0;
  for (const auto& [label, program] : planned) {
    arena = std::max(arena, program.arena_bytes);
    result["graphs"][label] = {{"nodes", program.graph.slots()},
                               {"arena_bytes", program.arena_bytes},
                               {"lower_bound_bytes", program.lower_bound_bytes},
                               {"ratio", ratio(program)}};
  }
  result["state_bytes"] = states;
  result["arena_bytes"] = arena;
  result["peak_bytes"] = states + arena;
  return result.dump(2) + "\n";
}

int run(const PlanFlags& flags, const std::vector<dsl::Model>& models) {
  const ModelSource source = sized_model_of(flags.common, models);
  const passes::DimSizes sizes = graph_sizes(source, flags.batch, flags.context);
  const auto backend = make_backend(flags.common.backend, flags.common.threads);
  ir::Module module = dsl::declare(source.model, source.config, source.seed);
  std::vector<GraphRequest> requests;
  for (const std::string& graph : flags.graphs) requests.push_back({graph, graph, sizes});
  const std::vector<PlannedGraph> planned =
      lower_and_plan(module, requests, {.seed = source.seed, .context = pass_context(*backend)});
  const std::int64_t states = ir::layout_states(module).bytes;
  write_stdout(flags.json ? json_of(planned, states) : text_of(planned, states));
  return exit_code::done;
}

}  // namespace

void add_plan(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("plan", "What memory a model takes, without taking it");
  auto flags = std::make_shared<PlanFlags>();
  add_model_flags(*sub, flags->common);
  sub->add_option("--batch,--batch-size,-b", flags->batch, "B");
  sub->add_option("--ctx,--block-size,--context,--ctx-size,-c", flags->context,
                  "T; 0: the model's context");
  sub->add_option("--graph", flags->graphs, "graphs to plan");
  sub->add_flag("--json", flags->json, "as JSON");
  add_machine_flags(*sub, flags->common);
  sub->footer("Example:\n  gptc plan --model gpt2-xl --batch 1 --ctx 1024");
  sub->callback([flags, &program] {
    program.chosen = [flags, &program] { return run(*flags, program.models); };
  });
}

}  // namespace gptc::driver

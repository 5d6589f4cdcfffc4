#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "ir/check.h"
#include "tools/driver/backends.h"
#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/common_flags.h"
#include "tools/driver/commands/output.h"
#include "tools/driver/lowering.h"
#include "tools/driver/memory.h"
#include "tools/driver/profile.h"
#include "tools/driver/stored_weights.h"
#include "tools/driver/trainer.h"

namespace gptc::driver {
namespace {

using Json = nlohmann::ordered_json;

struct PlanFlags {
  CommonFlags common;
  std::int64_t batch = 4;
  std::int64_t context = 0;
  std::int64_t accumulate = 1;
  std::vector<std::string> graphs;  // empty: what `gptc train` compiles
  std::vector<double> ceilings;
  bool curve = false;
  bool json = false;
};

struct Planning {
  ModelSource source;
  std::unique_ptr<runtime::Backend> backend;
  ir::Module module = ir::Module();
  std::vector<GraphRequest> requests;
  LoweringOptions lowering;
  passes::Ceilings ceilings;
};

/// Given, or measured on this machine.
passes::Ceilings ceilings_of(const PlanFlags& flags) {
  const std::vector<double>& given = flags.ceilings;
  if (given.empty()) {
    const Ceilings measured = measure_ceilings(flags.common.threads);
    return {measured.gflops, measured.bf16_gflops, measured.gigabytes_per_second};
  }
  ir::user_check(std::ranges::all_of(given, [](double x) { return x > 0; }),
                 "--ceilings: they must be above 0, but one is not");
  return {given[0], given[1], given[2]};
}

std::vector<GraphRequest> requests_of(const PlanFlags& flags, const ModelSource& source,
                                      const passes::DimSizes& sizes) {
  if (flags.graphs.empty()) {
    TrainerOptions trainer;
    trainer.batch = sizes.at('B');
    trainer.context = sizes.at('T');
    trainer.accumulate = flags.accumulate;
    trainer.generate = true;
    trainer.compile.grad_dtype = grad_dtype(flags.common);
    return Trainer::requests(trainer, Validation::yes, source.context());
  }
  std::vector<GraphRequest> requests;
  for (const std::string& graph : flags.graphs) {
    for (GraphRequest& request : requests_named(graph, sizes_for(graph, sizes)))
      requests.push_back(std::move(request));
  }
  return requests;
}

/// Weights as the folder stores them; UserError where a graph trains.
void store_weights(Planning& planning) {
  for (const GraphRequest& request : planning.requests) {
    if (passes::find_interface(request.graph).trains) require_plain(planning.source, "plan");
  }
  passes::store_weights(planning.module, *planning.source.stored);
  if (planning.source.stored == passes::WeightStore::bf16)
    planning.lowering.dtype = ir::DType::bf16;
}

Planning planning_of(const PlanFlags& flags, const std::vector<dsl::Model>& models) {
  Planning planning{.source = sized_model_of(flags.common, models)};
  const passes::DimSizes sizes = graph_sizes(planning.source, flags.batch, flags.context);
  planning.backend = make_backend(flags.common.backend, flags.common.threads);
  planning.module =
      dsl::declare(planning.source.model, planning.source.config, planning.source.seed);
  planning.requests = requests_of(flags, planning.source, sizes);
  if (flags.graphs.empty()) planning.requests.push_back({"init", "init", {}});
  planning.lowering = {.seed = planning.source.seed,
                       .dtype = compute_dtype(flags.common),
                       .grad_dtype = grad_dtype(flags.common),
                       .context = pass_context(*planning.backend),
                       .allocated_bytes = allocated_bytes(*planning.backend),
                       .memory_budget = parse_bytes("--mem", flags.common.memory)};
  if (planning.source.stored) store_weights(planning);
  planning.ceilings = ceilings_of(flags);
  return planning;
}

struct Total {
  std::vector<std::string> labels;
  std::vector<passes::GraphMemory> graphs;
  std::vector<double> seconds;
  passes::StateParts states;
  std::size_t largest = 0;
  std::int64_t allocated = 0;  // by the library itself

  [[nodiscard]] std::int64_t peak() const {
    return states.total() + graphs[largest].arena_bytes + allocated;
  }
};

Total total_of(Planning& planning) {
  Total total;
  for (const PlannedGraph& planned :
       lower_and_plan(planning.module, planning.requests, planning.lowering)) {
    total.labels.push_back(planned.label);
    total.allocated = std::max(total.allocated, planned.allocated_bytes);
    total.graphs.push_back(passes::graph_memory(planned.program, planning.lowering.context));
    total.seconds.push_back(passes::least_seconds(planned.program.graph, planning.ceilings));
    if (total.graphs.back().arena_bytes > total.graphs[total.largest].arena_bytes)
      total.largest = total.graphs.size() - 1;
  }
  total.states = passes::state_parts(planning.module);
  return total;
}

struct Part {
  std::string_view name;
  std::int64_t bytes;
};

/// They sum to the peak.
std::vector<Part> parts_of(const Total& total) {
  const passes::ArenaParts& arena = total.graphs[total.largest].parts;
  return {{"parameters", total.states.parameters},
          {"gradients", total.states.gradients + arena.gradients},
          {"moments", total.states.moments},
          {"activations", arena.activations},
          {"workspace", arena.workspace},
          {"library", arena.library + total.allocated},
          {"other", total.states.other + total.states.padding + arena.unused}};
}

/// A step is one run of `train`, or of `micro_step` for each micro-batch and of `apply`.
double step_seconds(const Total& total, std::int64_t accumulate) {
  double sum = 0;
  for (std::size_t i = 0; i < total.labels.size(); ++i) {
    if (total.labels[i] == "micro_step") sum += total.seconds[i] * static_cast<double>(accumulate);
    if (total.labels[i] == "train" || total.labels[i] == "apply") sum += total.seconds[i];
  }
  return sum;
}

std::string text_of(const Total& total, const PlanFlags& flags) {
  std::string text = fmt::format("{:<14} {:>7} {:>15} {:>15} {:>7} {:>10}\n", "graph", "nodes",
                                 "arena", "lower bound", "ratio", "ms");
  for (std::size_t i = 0; i < total.graphs.size(); ++i) {
    const passes::GraphMemory& graph = total.graphs[i];
    text += fmt::format("{:<14} {:>7} {:>15} {:>15} {:>7.4f} {:>10.2f}\n", total.labels[i],
                        graph.nodes, graph.arena_bytes, graph.lower_bound_bytes, graph.ratio(),
                        total.seconds[i] * 1e3);
  }
  const passes::GraphMemory& top = total.graphs[total.largest];
  text +=
      fmt::format("peak {}, in {} at {}{}\n", bytes_text(total.peak()), total.labels[total.largest],
                  top.peak_name, top.peak_scope.empty() ? "" : " @" + top.peak_scope);
  for (const Part& part : parts_of(total))
    text += fmt::format("  {:<12} {:>15}\n", part.name, part.bytes);
  const double seconds = step_seconds(total, flags.accumulate);
  if (seconds > 0) text += fmt::format("a step takes at least {:.1f} ms\n", seconds * 1e3);
  return text;
}

Json json_of(const Total& total, const PlanFlags& flags) {
  Json result;
  const passes::GraphMemory& top = total.graphs[total.largest];
  result["peak_bytes"] = total.peak();
  for (const Part& part : parts_of(total)) result["parts"][std::string(part.name)] = part.bytes;
  result["peak_graph"] = total.labels[total.largest];
  result["peak_node"] = top.peak_name;
  result["peak_scope"] = top.peak_scope;
  result["ratio"] = top.ratio();
  result["step_ms"] = step_seconds(total, flags.accumulate) * 1e3;
  result["state_bytes"] = total.states.total();
  result["arena_bytes"] = top.arena_bytes;
  result["library_allocated_bytes"] = total.allocated;
  for (std::size_t i = 0; i < total.graphs.size(); ++i) {
    const passes::GraphMemory& graph = total.graphs[i];
    result["graphs"][total.labels[i]] = {{"nodes", graph.nodes},
                                         {"arena_bytes", graph.arena_bytes},
                                         {"lower_bound_bytes", graph.lower_bound_bytes},
                                         {"ratio", graph.ratio()},
                                         {"ms", total.seconds[i] * 1e3}};
  }
  return result;
}

int print_curve(Planning& planning, const PlanFlags& flags) {
  const std::vector<ir::Graph> graphs =
      lower_all(planning.module, planning.requests, planning.lowering);
  const std::vector<CurvePoint> curve =
      memory_curve(planning.module, graphs, 0, planning.lowering, planning.ceilings);
  Json json;
  std::string text =
      fmt::format("{:>15} {:>10}  ({})\n", "peak bytes", "ms", planning.requests.front().label);
  for (const CurvePoint& point : curve) {
    json["curve"].push_back({{"peak_bytes", point.peak_bytes}, {"ms", point.seconds * 1e3}});
    text += fmt::format("{:>15} {:>10.2f}\n", point.peak_bytes, point.seconds * 1e3);
  }
  write_stdout(flags.json ? json.dump(2) + "\n" : text);
  return exit_code::done;
}

int run(const PlanFlags& flags, const std::vector<dsl::Model>& models) {
  Planning planning = planning_of(flags, models);
  if (flags.curve) return print_curve(planning, flags);
  const Total total = total_of(planning);
  write_stdout(flags.json ? json_of(total, flags).dump(2) + "\n" : text_of(total, flags));
  return exit_code::done;
}

}  // namespace

void add_plan(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("plan", "What memory training takes, without taking it");
  auto flags = std::make_shared<PlanFlags>();
  add_model_flags(*sub, flags->common);
  sub->add_option("--batch,--batch-size,-b", flags->batch, "B");
  sub->add_option("--ctx,--block-size,--context,--ctx-size,-c", flags->context,
                  "T; 0: the model's context");
  sub->add_option("--grad-accum,--gradient-accumulation-steps", flags->accumulate,
                  "micro-batches of a step")
      ->check(CLI::PositiveNumber);
  sub->add_option("--graph", flags->graphs, "graphs to plan, instead of all that training runs");
  add_memory_flag(*sub, flags->common);
  sub->add_flag("--curve", flags->curve, "the plans that budgets lead to: peak bytes and time");
  sub->add_option("--ceilings", flags->ceilings,
                  "GFLOP/s in f32, in bf16, and GB/s to predict times by; not given: measured")
      ->expected(3);
  sub->add_flag("--json", flags->json, "as JSON");
  add_precision_flags(*sub, flags->common);
  add_machine_flags(*sub, flags->common);
  sub->footer(
      "Example:\n  gptc plan --model gpt2-xl --batch 1 --ctx 1024\n  gptc plan --model gpt2 "
      "--batch 8 --ctx 1024 --mem 4GiB");
  sub->callback([flags, &program] {
    program.chosen = [flags, &program] { return run(*flags, program.models); };
  });
}

}  // namespace gptc::driver

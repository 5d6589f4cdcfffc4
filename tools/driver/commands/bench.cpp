#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "ir/check.h"
#include "tools/driver/commands/bench_figures.h"
#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/common_flags.h"
#include "tools/driver/commands/output.h"
#include "tools/driver/memory.h"
#include "tools/driver/profile.h"
#include "tools/driver/trainer.h"
#include "tools/driver/useful_flops.h"

namespace gptc::driver {
namespace {

using Clock = std::chrono::steady_clock;

struct BenchFlags {
  CommonFlags common;
  std::int64_t batch = 4;
  std::int64_t context = 0;
  std::int64_t steps = 5;
  std::int64_t warmup = 2;
  bool json = false;
  bool profile = false;
};

std::int64_t max_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

struct Timing {
  std::vector<double> step_ms;  // ascending
  double peak_gflops = 0;
  double total_seconds = 0;
};

/// The peak before and after the steps must agree, else the machine was not the same throughout.
Timing measure(Trainer& trainer, const BenchFlags& flags) {
  constexpr int most_tries = 5;
  constexpr double tolerance = 0.05;
  Timing timing;
  for (int attempt = 0; attempt < most_tries; ++attempt) {
    timing = {};
    const double before = peak_of_products(flags.common);
    for (std::int64_t i = 0; i < flags.steps; ++i) {
      const auto start = Clock::now();
      trainer.step();
      timing.step_ms.push_back(
          std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
    const double after = peak_of_products(flags.common);
    timing.peak_gflops = std::max(before, after);
    if (std::abs(before - after) <= tolerance * timing.peak_gflops) break;
    if (!flags.common.quiet)
      fmt::print(stderr, "gptc: the machine's peak changed from {:.1f} to {:.1f} GFLOP/s; again\n",
                 before, after);
  }
  for (const double ms : timing.step_ms) timing.total_seconds += ms * 1e-3;
  std::ranges::sort(timing.step_ms);
  return timing;
}

nlohmann::ordered_json figures(Trainer& trainer, const ir::Graph& eval, const BenchFlags& flags,
                               const passes::DimSizes& sizes) {
  for (std::int64_t i = 0; i < flags.warmup; ++i) trainer.step();
  const Timing timing = measure(trainer, flags);
  const double median = median_of(timing.step_ms);
  const double tokens = static_cast<double>(sizes.at('B') * sizes.at('T'));
  const double flops = useful_training_flops(eval);
  const ir::Program& program = trainer.model().program("train");
  nlohmann::ordered_json result;
  result["tokens_per_s"] = tokens / (median * 1e-3);
  result["step_ms"] = {
      {"min", timing.step_ms.front()}, {"median", median}, {"max", timing.step_ms.back()}};
  result["mfu"] = flops / (median * 1e-3 * timing.peak_gflops * 1e9);
  result["useful_gflop_per_step"] = flops * 1e-9;
  result["gflops"] = flops / (median * 1e-3) * 1e-9;
  result["dtype"] = flags.common.dtype;
  result["grad_dtype"] = flags.common.grad_dtype;
  result["peak_gflops"] = timing.peak_gflops;
  result["arena_bytes"] = program.arena_bytes;
  result["lower_bound_bytes"] = program.lower_bound_bytes;
  result["state_bytes"] = trainer.model().states().bytes();
  const MemoryContract memory = memory_contract(trainer.model().planned_bytes());
  result["planned_bytes"] = memory.planned;
  result["measured_bytes"] = memory.measured;
  result["plan_kept"] = memory.holds();
  result["max_rss_bytes"] = max_rss_bytes();
  result["compile_s"] = trainer.compile_seconds();
  return result;
}

/// The steps once more with every node timed, to stderr: stdout is for the figures.
void print_profile(Trainer& trainer, const BenchFlags& flags) {
  const ModelProfile profile(trainer.model(), trainer.step_graphs());
  for (std::int64_t i = 0; i < flags.steps; ++i) trainer.step();
  fmt::print(stderr, "{}",
             profile.tables(measure_ceilings(flags.common.threads), usual_profile_nodes));
}

int run(const BenchFlags& flags, const std::vector<dsl::Model>& models) {
  ir::user_check(flags.steps >= 1 && flags.warmup >= 0,
                 "--steps and --warmup: they must be at least 1 and 0, but got {} and {}",
                 flags.steps, flags.warmup);
  const ModelSource source = sized_model_of(flags.common, models);
  const passes::DimSizes sizes = graph_sizes(source, flags.batch, flags.context);
  TrainerOptions options;
  options.batch = sizes.at('B');
  options.context = sizes.at('T');
  options.compile = compile_options(flags.common, source);
  const std::vector<std::int32_t> tokens =
      random_tokens(4 * options.batch * options.context + 1, source.config.integer("vocab_size"));
  ir::Module module = dsl::declare(source.model, source.config, source.seed);
  const ir::Graph& eval = passes::lower(module, {.graph = "eval", .sizes = sizes}, {});
  Trainer trainer(source, tokens, {}, options);
  const nlohmann::ordered_json result = figures(trainer, eval, flags, sizes);
  if (flags.profile) print_profile(trainer, flags);
  if (flags.json) {
    write_stdout(result.dump(2) + "\n");
    return exit_code::done;
  }
  write_stdout(fmt::format(
      "{} {}x{}: {:.1f} tokens/s, step {:.1f} ms, MFU {:.3f} of {:.1f} GFLOP/s; "
      "arena {} MiB ({:.3f} of the lower bound), states {} MiB, {}, compiled in {:.2f} s\n",
      source.model.name, sizes.at('B'), sizes.at('T'), result["tokens_per_s"].get<double>(),
      result["step_ms"]["median"].get<double>(), result["mfu"].get<double>(),
      result["peak_gflops"].get<double>(), result["arena_bytes"].get<std::int64_t>() >> 20,
      result["arena_bytes"].get<double>() /
          std::max(1.0, result["lower_bound_bytes"].get<double>()),
      result["state_bytes"].get<std::int64_t>() >> 20,
      MemoryContract{result["planned_bytes"], result["measured_bytes"]}.text(),
      result["compile_s"].get<double>()));
  return exit_code::done;
}

}  // namespace

void add_bench(CLI::App& app, Program& program) {
  CLI::App* bench = app.add_subcommand("bench", "Measure speed");
  bench->require_subcommand(1);
  CLI::App* sub = bench->add_subcommand("train", "Training steps against the machine's peak");
  auto flags = std::make_shared<BenchFlags>();
  add_model_flags(*sub, flags->common);
  sub->add_option("--batch,--batch-size,-b", flags->batch, "B");
  sub->add_option("--ctx,--block-size,--context,--ctx-size,-c", flags->context,
                  "T; 0: the model's context");
  sub->add_option("--steps", flags->steps, "steps to measure; figures are the median's");
  sub->add_option("--warmup", flags->warmup, "steps before");
  sub->add_flag("--profile", flags->profile,
                "time every node, too: by kind and the slowest, on stderr");
  sub->add_flag("--json", flags->json, "the figures as JSON");
  add_memory_flag(*sub, flags->common);
  add_precision_flags(*sub, flags->common);
  add_machine_flags(*sub, flags->common);
  sub->footer("Example:\n  gptc bench train --model gpt2 --batch 4 --ctx 256 --threads 2 --json");
  sub->callback([flags, &program] {
    program.chosen = [flags, &program] { return run(*flags, program.models); };
  });
  add_bench_generate(*bench, program);
  add_bench_tokenizer(*bench, program);
}

}  // namespace gptc::driver

// The subcommands. Each add_… declares one and, when the command line names it, sets `chosen`.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <vector>

#include "frontend/dsl/model.h"

namespace gptc::driver {

struct Program {
  std::vector<dsl::Model> models;
  std::function<int()> chosen;  // runs the command and returns the exit code
};

namespace exit_code {
inline constexpr int done = 0;
inline constexpr int failed = 1;
inline constexpr int usage = 2;
inline constexpr int interrupted = 130;
}  // namespace exit_code

/// `program` outlives the app.
void add_dump_ir(CLI::App& app, Program& program);
void add_train(CLI::App& app, Program& program);
void add_generate(CLI::App& app, Program& program);
void add_eval(CLI::App& app, Program& program);
void add_tokenizer(CLI::App& app, Program& program);
void add_bench(CLI::App& app, Program& program);
void add_bench_generate(CLI::App& bench, Program& program);
void add_bench_tokenizer(CLI::App& bench, Program& program);
void add_models(CLI::App& app, Program& program);
void add_passes(CLI::App& app, Program& program);
void add_ops(CLI::App& app, Program& program);
void add_plan(CLI::App& app, Program& program);
void add_export(CLI::App& app, Program& program);
void add_quantize(CLI::App& app, Program& program);
void add_ir(CLI::App& app, Program& program);

}  // namespace gptc::driver

// Runs the rows of a pipeline: run, verify, time, dump.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "passes/stage.h"

namespace gptc::passes {

/// Where in a pipeline a graph is looked at.
struct Point {
  std::size_t number;      // from 1
  std::string_view stage;  // its name
  std::string_view alias;  // its second name here, or ""
};

/// "all", a stage's name or alias, or its number.
bool is_at(const Point& point, std::string_view where);

struct RunnerOptions {
  /// Called behind every stage, for --dump-ir.
  std::function<void(const Point&, const ir::Graph&)> dump = {};
  /// One line a stage: number, name, nodes before and after, milliseconds, "(unchanged)".
  std::function<void(std::string_view line)> log = {};
  /// The last stage to run: a name (its last place), an alias or a number; "": all of them.
  std::string stop_after = {};
};

/// Every stage leaves a graph that verifies; an InternalError names the stage that did not.
/// UserError if stop_after is none of the rows.
void run_pipeline(ir::Graph& graph, std::span<const Row> rows, const Derivation& derivation,
                  const PassContext& context, const RunnerOptions& options);

}  // namespace gptc::passes

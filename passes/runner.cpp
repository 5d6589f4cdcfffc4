#include "passes/runner.h"

#include <chrono>
#include <string>

#include "ir/check.h"
#include "ir/verify.h"

namespace gptc::passes {
namespace {

using Clock = std::chrono::steady_clock;

Point point_of(std::span<const Row> rows, std::size_t index) {
  return {index + 1, rows[index].stage->name, rows[index].alias};
}

/// How many rows to run.
std::size_t count_until(std::span<const Row> rows, const std::string& graph,
                        const std::string& stop_after) {
  if (stop_after.empty()) return rows.size();
  std::string names;
  for (std::size_t i = rows.size(); i > 0; --i) {
    if (is_at(point_of(rows, i - 1), stop_after)) return i;
  }
  for (const Row& row : rows)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", row.stage->name);
  ir::user_error("pipeline of {}: it must have the stage to stop after, but got '{}'; it has: {}",
                 graph, stop_after, names);
}

bool run_stage(ir::Graph& graph, const Stage& stage, const Derivation& derivation,
               const PassContext& context) {
  const bool changed =
      stage.pass != nullptr ? stage.pass(graph, context) : stage.step(graph, derivation);
  ir::verify(graph, &derivation.module);
  return changed;
}

std::string log_line(const Point& point, std::size_t before, const ir::Graph& graph,
                     Clock::duration time, bool changed) {
  return fmt::format("{:>2} {:<26} {:>6} -> {:>6} nodes {:>9.2f} ms{}", point.number, point.stage,
                     before, graph.nodes().size(),
                     std::chrono::duration<double, std::milli>(time).count(),
                     changed ? "" : " (unchanged)");
}

}  // namespace

bool is_at(const Point& point, std::string_view where) {
  return where == "all" || where == point.stage || (!where.empty() && where == point.alias) ||
         where == std::to_string(point.number);
}

void run_pipeline(ir::Graph& graph, std::span<const Row> rows, const Derivation& derivation,
                  const PassContext& context, const RunnerOptions& options) {
  const std::size_t count = count_until(rows, graph.name(), options.stop_after);
  for (std::size_t i = 0; i < count; ++i) {
    const Point point = point_of(rows, i);
    const std::size_t before = graph.nodes().size();
    const Clock::time_point start = Clock::now();
    bool changed = false;
    try {
      changed = run_stage(graph, *rows[i].stage, derivation, context);
    } catch (const ir::InternalError& error) {
      throw ir::InternalError(fmt::format("pass '{}' (number {} of graph {}): {}", point.stage,
                                          point.number, graph.name(), error.detail()));
    }
    if (options.log) options.log(log_line(point, before, graph, Clock::now() - start, changed));
    if (options.dump) options.dump(point, graph);
  }
}

}  // namespace gptc::passes

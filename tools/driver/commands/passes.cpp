#include "passes/pipelines.h"

#include <fmt/format.h>

#include <memory>

#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/output.h"

namespace gptc::driver {
namespace {

std::string stages_text() {
  std::string text;
  for (const passes::Stage& stage : passes::all_stages())
    text += fmt::format("{:<26} {}\n", stage.name, stage.summary);
  return text;
}

std::string pipeline_text(const std::string& graph) {
  std::string text;
  std::size_t number = 0;
  for (const passes::Row& row : passes::pipeline(graph)) {
    const std::string alias = row.alias.empty() ? "" : fmt::format(" ({})", row.alias);
    text += fmt::format("{:>2} {:<34} {}\n", ++number, fmt::format("{}{}", row.stage->name, alias),
                        row.why);
  }
  return text;
}

}  // namespace

void add_passes(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("passes", "List the passes, or the pipeline of a graph");
  auto graph = std::make_shared<std::string>();
  sub->add_option("graph", *graph, "train, micro_step, apply, eval, generate or init");
  sub->footer("Example:\n  gptc passes train");
  sub->callback([graph, &program] {
    program.chosen = [graph] {
      write_stdout(graph->empty() ? stages_text() : pipeline_text(*graph));
      return exit_code::done;
    };
  });
}

}  // namespace gptc::driver

#include <fmt/format.h>

#include <memory>

#include "ir/check.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "passes/pipelines.h"
#include "tools/driver/backends.h"
#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/common_flags.h"
#include "tools/driver/commands/output.h"

namespace gptc::driver {
namespace {

struct IrFlags {
  CommonFlags common;
  std::string file;
  std::vector<std::string> passes;
  std::string out;
  bool explain = false;
};

const passes::Stage& pass_named(const std::string& name) {
  const passes::Stage* stage = passes::find_stage(name);
  ir::user_check(stage != nullptr, "--passes: there is no pass '{}'; gptc passes lists them", name);
  ir::user_check(stage->pass != nullptr,
                 "--passes: '{}' derives a graph from a model; give a pass over graphs", name);
  return *stage;
}

void run_passes(ir::Module& module, const IrFlags& flags, const passes::PassContext& context) {
  for (const std::string& name : flags.passes) {
    const passes::Stage& stage = pass_named(name);
    for (ir::Graph& graph : module.graphs()) {
      stage.pass(graph, context);
      try {
        ir::verify(graph, &module);
      } catch (const ir::InternalError& error) {
        throw ir::InternalError(
            fmt::format("pass '{}', graph {}: {}", name, graph.name(), error.detail()));
      }
    }
  }
}

int run(const IrFlags& flags) {
  const std::string text = read_input(flags.file);
  ir::Module module = ir::parse(text, flags.file == "-" ? "<stdin>" : flags.file);
  ir::verify(module);
  const auto backend = make_backend(flags.common.backend, flags.common.threads);
  passes::PassContext context = pass_context(*backend);
  if (flags.explain)
    context.explain = [](std::string_view line) { fmt::print(stderr, "{}\n", line); };
  run_passes(module, flags, context);
  write_output(flags.out, ir::print(module));
  return exit_code::done;
}

}  // namespace

void add_ir(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("ir", "Check IR text, run passes over it, print it");
  auto flags = std::make_shared<IrFlags>();
  sub->add_option("file", flags->file, "text that --dump-ir printed; - is stdin")->required();
  sub->add_option("--passes", flags->passes, "passes to run, in this order")->delimiter(',');
  sub->add_option("--out,-o", flags->out, "file to write; without it, stdout");
  sub->add_flag("--explain", flags->explain, "say where fusions applied");
  add_machine_flags(*sub, flags->common);
  sub->footer("Example:\n  gptc ir model.ir --passes=canonicalize,cse,dce");
  sub->callback([flags, &program] { program.chosen = [flags] { return run(*flags); }; });
}

}  // namespace gptc::driver

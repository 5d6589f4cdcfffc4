#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "frontend/formats/atomic_file.h"
#include "ir/check.h"
#include "ir/print.h"
#include "tools/driver/backends.h"
#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/common_flags.h"
#include "tools/driver/commands/output.h"
#include "tools/driver/dump.h"
#include "tools/driver/folder.h"
#include "tools/driver/lowering.h"

namespace gptc::driver {
namespace {

struct DumpFlags {
  CommonFlags common;
  std::string stage;
  std::string graph = "train";
  std::int64_t batch = 4;
  std::int64_t context = 0;
  std::string format = "text";
  std::string out;
  bool explain = false;
  bool time_passes = false;
};

std::string content(const Snapshot& snapshot, const std::string& format) {
  if (format != "dot") return snapshot_text(snapshot);
  std::string text;
  for (const ir::Graph& graph : snapshot.module.graphs()) text += ir::print_dot(graph);
  return text;
}

void write_all(const std::vector<Snapshot>& snapshots, const DumpFlags& flags) {
  ir::user_check(!flags.out.empty(), "--dump-ir=all: give a folder for the files by -o DIR");
  make_folder(flags.out);
  for (const Snapshot& snapshot : snapshots) {
    const std::string name = snapshot.name + (flags.format == "dot" ? ".dot" : ".ir");
    formats::write_file_atomically((std::filesystem::path(flags.out) / name).string(),
                                   content(snapshot, flags.format));
  }
}

int run(const DumpFlags& flags, bool dump, const Program& program) {
  const ModelSource source = sized_model_of(flags.common, program.models);
  const auto backend = make_backend(flags.common.backend, flags.common.threads);
  DumpRequest request;
  request.graph = flags.graph;
  const passes::WeightStore store = weight_store(flags.common, source);
  if (source.stored || passes::has_scales(store)) request.weights = store;
  request.dtype = store == passes::WeightStore::bf16 ? ir::DType::bf16 : ir::DType::f32;
  request.grad_dtype = grad_dtype(flags.common);
  if (!flags.stage.empty()) request.stage = flags.stage;
  request.sizes = sizes_for(flags.graph, graph_sizes(source, flags.batch, flags.context));
  // Alone, --explain and --time-passes are what was asked for; beside the IR they are remarks.
  std::FILE* const remarks = dump ? stderr : stdout;
  const auto say = [remarks](std::string_view line) { fmt::print(remarks, "{}\n", line); };
  if (flags.explain) request.explain = say;
  if (flags.time_passes) request.log = say;
  const std::vector<Snapshot> snapshots = dump_ir(source, *backend, request);
  if (!dump) return exit_code::done;
  if (request.stage == "all") {
    write_all(snapshots, flags);
  } else {
    write_output(flags.out, content(snapshots.back(), flags.format));
  }
  return exit_code::done;
}

}  // namespace

void add_dump_ir(CLI::App& app, Program& program) {
  auto flags = std::make_shared<DumpFlags>();
  app.add_option("--dump-ir", flags->stage,
                 "print the IR of --model at a STAGE: forward, autodiff, fusion, plan, final (the "
                 "default), any pass of `gptc passes` by name or number; all: into the folder -o")
      ->expected(0, 1)
      ->type_name("[=STAGE]");
  app.add_flag("--explain", flags->explain, "say where fusions applied, or which condition failed");
  app.add_flag("--time-passes", flags->time_passes, "a line for each pass");
  app.add_option(
      "--graph", flags->graph,
      "train, eval, generate (prefill and decode), prefill, decode, logits, micro_step, apply, "
      "init, or forward as declared");
  app.add_option("--batch,--batch-size,-b", flags->batch, "B");
  app.add_option("--ctx,--block-size,--context,--ctx-size,-c", flags->context,
                 "T; 0: the model's context");
  app.add_option("--format", flags->format, "text, which parses back, or dot for Graphviz")
      ->check(CLI::IsMember({"text", "dot"}));
  app.add_option("--out,-o", flags->out, "file or, for all, folder to write");
  add_model_flags(app, flags->common);
  add_seed_flag(app, flags->common, "of dropout and initial values (1)");
  add_stored_dtype_flag(app, flags->common);
  add_grad_dtype_flag(app, flags->common);
  add_emulation_flag(app, flags->common);
  add_machine_flags(app, flags->common);
  app.final_callback([&app, flags, &program] {
    const bool dump = app.count("--dump-ir") > 0;
    if (program.chosen || !(dump || flags->explain || flags->time_passes)) return;
    program.chosen = [flags, dump, &program] { return run(*flags, dump, program); };
  });
}

}  // namespace gptc::driver

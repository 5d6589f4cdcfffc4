#include <unistd.h>

#include <memory>

#include "ir/check.h"
#include "tools/driver/checkpoint.h"
#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/common_flags.h"
#include "tools/driver/profile.h"
#include "tools/driver/stored_weights.h"
#include "tools/driver/tokenizer_source.h"
#include "tools/driver/training_run.h"

namespace gptc::driver {
namespace {

struct TrainFlags {
  CommonFlags common;
  TrainSettings settings;
  std::string tokenizer;
  std::string out;
  bool resume = false;
  std::string resume_folder;  // empty: --out
  std::int64_t profile = usual_profile_nodes;
  bool overwrite = false;
};

void add_fields(CLI::App& app, TrainSettings& settings) {
  for (const TrainField& field : train_fields()) {
    const std::string help(field.help);
    std::visit(
        [&](auto member) {
          app.add_option(std::string(field.flags), settings.*member, help)->capture_default_str();
        },
        field.member);
  }
}

bool given(const CLI::App& app, const TrainField& field) {
  const std::string first(field.flags.substr(0, field.flags.find(',')));
  return app.count(first) > 0;
}

/// --max-steps and --epochs take each other's place.
bool keeps(const CLI::App& app, const TrainField& field) {
  const bool length = field.key == "max_steps" || field.key == "epochs";
  const bool length_given = app.count("--max-steps") + app.count("--epochs") > 0;
  return given(app, field) || (length && length_given);
}

/// The model of the run that goes on; --model, if given, must be the same.
ModelSource resumed_model(const TrainFlags& flags, const std::vector<dsl::Model>& models) {
  CommonFlags common = flags.common;
  common.model = flags.out;
  ModelSource source = model_of(common, models);
  const std::string& wanted = flags.common.model;
  ir::user_check(wanted.empty() || wanted == flags.out || wanted == source.model.name,
                 "--resume: the run in {} is of model {}, but --model is {}", flags.out,
                 source.model.name, wanted);
  return source;
}

void check_out(TrainFlags& flags) {
  if (!flags.resume_folder.empty()) {
    ir::user_check(flags.out.empty() || flags.out == flags.resume_folder,
                   "--resume {}: --out must be the same folder or left out, but is {}",
                   flags.resume_folder, flags.out);
    flags.out = flags.resume_folder;
  }
  ir::user_check(!flags.out.empty(), "--out: it must name a folder for the run, but is missing");
  if (flags.resume) {
    ir::user_check(has_checkpoint(flags.out),
                   "--resume: there must be a checkpoint in {}, but there is none", flags.out);
  } else {
    ir::user_check(
        flags.overwrite || !has_checkpoint(flags.out),
        "{}: it holds a trained model; --resume goes on with it, --overwrite replaces it",
        flags.out);
  }
}

int run(const CLI::App& app, TrainFlags flags, const std::vector<dsl::Model>& models) {
  flags.resume = app.count("--resume") > 0;
  check_out(flags);
  ModelSource source = flags.resume ? resumed_model(flags, models) : model_of(flags.common, models);
  require_plain(source, "train");
  if (flags.resume)
    load_settings(flags.settings, flags.out,
                  [&](const TrainField& field) { return keeps(app, field); });
  if (app.count("--profile") == 0) flags.profile = 0;
  flags.common.dtype = flags.settings.dtype;
  flags.common.grad_dtype = flags.settings.grad_dtype;
  if (flags.tokenizer.empty() && source.folder) flags.tokenizer = source.folder->string();
  ir::user_check(
      !flags.tokenizer.empty(),
      "--tokenizer: it must be gpt2 or a folder (gptc tokenizer learn makes one), but is "
      "missing");
  const tokenizer::Tokenizer tokenizer = find_tokenizer(flags.tokenizer);
  const RunOptions options = {
      .out = flags.out,
      .resume = flags.resume,
      .style = flags.common.quiet ? ProgressStyle::quiet : progress_style(STDERR_FILENO),
      .compile = compile_options(flags.common, source),
      .profile_nodes = flags.profile};
  const RunEnd end = train(std::move(source), tokenizer, flags.settings, options);
  return end == RunEnd::done ? exit_code::done : exit_code::interrupted;
}

}  // namespace

void add_train(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("train", "Train a model on text");
  auto flags = std::make_shared<TrainFlags>();
  add_model_flags(*sub, flags->common);
  add_fields(*sub, flags->settings);
  sub->add_option("--tokenizer", flags->tokenizer,
                  "gpt2, or a folder with vocab.json and merges.txt");
  sub->add_option("--out,-o,--out-dir", flags->out, "folder of the run");
  sub->add_option("--resume", flags->resume_folder,
                  "go on with the run in --out (or in the folder given here); its settings stay "
                  "unless given anew")
      ->expected(0, 1);
  sub->add_option("--profile", flags->profile,
                  "close with the times of the step's nodes, by kind and the slowest NODES, "
                  "against what the machine can do")
      ->expected(0, 1)
      ->default_str(std::to_string(usual_profile_nodes))
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("[=NODES]");
  sub->add_flag("--overwrite", flags->overwrite, "begin anew in a folder that holds a model");
  add_seed_flag(*sub, flags->common, "of weights, dropout and the order of the data (1)");
  add_memory_flag(*sub, flags->common);
  add_machine_flags(*sub, flags->common);
  add_emulation_flag(*sub, flags->common);
  sub->footer(
      "Example:\n"
      "  gptc train --model gpt2-nano --data book.txt --tokenizer runs/tokenizer --out runs/book "
      "\\\n"
      "    --max-steps 600 --batch 8\n"
      "  gptc train --resume --out runs/book --max-steps 1200");
  sub->callback([sub, flags, &program] {
    program.chosen = [sub, flags, &program] { return run(*sub, *flags, program.models); };
  });
}

}  // namespace gptc::driver

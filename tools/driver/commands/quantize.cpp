// gptc quantize: a trained model in fewer bytes.
#include <fmt/format.h>

#include <memory>

#include "ir/check.h"
#include "tools/driver/commands/commands.h"
#include "tools/driver/folder.h"
#include "tools/driver/memory.h"
#include "tools/driver/quantise_model.h"
#include "tools/driver/stored_weights.h"
#include "tools/driver/tokenizer_source.h"

namespace gptc::driver {
namespace {

struct QuantizeFlags {
  std::string model;
  std::string to;
  std::string out;
  std::string tokenizer;
  bool overwrite = false;
  bool quiet = false;
};

void say(const QuantizeFlags& flags, std::string_view line) {
  if (!flags.quiet) fmt::print(stderr, "gptc: {}\n", line);
}

int run(const QuantizeFlags& flags, const std::vector<dsl::Model>& models) {
  const ModelSource source = find_model(models, flags.model);
  ir::user_check(source.folder.has_value(),
                 "model {}: it has no weights yet; train it, and give the folder of the run",
                 source.model.name);
  require_plain(source, "quantize");
  check_model_folder(flags.out, *source.folder,
                     flags.overwrite ? IfThere::replace : IfThere::refuse);
  const QuantiseOptions options = {.store = find_store(flags.to).value(),
                                   .tokenizer = tokenizer_for(flags.tokenizer, *source.folder)};
  const QuantisedSizes sizes = quantise_model(source, options, flags.out);
  if (!options.tokenizer)
    say(flags, source.folder->string() + " has no tokenizer, so none was written (--tokenizer)");
  say(flags, fmt::format("wrote {}: weights in {}, {} instead of {}", flags.out, flags.to,
                         size_text(static_cast<std::int64_t>(sizes.after)),
                         size_text(static_cast<std::int64_t>(sizes.before))));
  return exit_code::done;
}

}  // namespace

void add_quantize(CLI::App& app, Program& program) {
  CLI::App* sub =
      app.add_subcommand("quantize", "Store a trained model's weights in fewer bytes, to read them")
          ->alias("quantise");
  auto flags = std::make_shared<QuantizeFlags>();
  sub->add_option("model,--model,-m", flags->model,
                  "a folder that training or Hugging Face's programs wrote")
      ->required();
  sub->add_option("--to", flags->to,
                  "bf16, int8 (a scale per output channel) or int4 (a scale per 32 values); what "
                  "generate, eval, bench and --dump-ir then use without --dtype")
      ->required()
      ->check(CLI::IsMember({"bf16", "int8", "int4"}));
  sub->add_option("--out,-o", flags->out, "folder to write")->required();
  sub->add_option("--tokenizer", flags->tokenizer, "gpt2 or a folder; without it, the model's");
  sub->add_flag("--overwrite", flags->overwrite, "replace a model that is there");
  sub->add_flag("--quiet,-q", flags->quiet, "only errors on stderr");
  sub->footer(
      "Example:\n"
      "  gptc quantize runs/book --to int8 --out book-int8\n"
      "  gptc generate --model book-int8 --prompt \"Call me\"");
  sub->callback([flags, &program] {
    program.chosen = [flags, &program] { return run(*flags, program.models); };
  });
}

}  // namespace gptc::driver

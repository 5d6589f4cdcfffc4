// gptc export: a trained model in the files of other programs.
#include <fmt/format.h>

#include <array>
#include <memory>

#include "frontend/tokenizer/error.h"
#include "ir/check.h"
#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/common_flags.h"
#include "tools/driver/export_model.h"
#include "tools/driver/folder.h"
#include "tools/driver/stored_weights.h"
#include "tools/driver/tokenizer_source.h"

namespace gptc::driver {
namespace {

namespace fs = std::filesystem;
using formats::Encoding;

struct ExportFlags {
  std::string model;
  std::string to;
  std::string out;
  std::string dtype = "f32";
  std::string tokenizer;
  bool overwrite = false;
  bool quiet = false;
};

constexpr std::array encodings = {Encoding::F32, Encoding::F16, Encoding::BF16, Encoding::Q8_0,
                                  Encoding::Q4_0};

std::vector<std::string> encoding_names() {
  std::vector<std::string> names;
  for (const Encoding encoding : encodings) names.emplace_back(formats::name(encoding));
  return names;
}

Encoding encoding_named(const std::string& wanted) {
  for (const Encoding encoding : encodings)
    if (formats::name(encoding) == wanted) return encoding;
  ir::user_error("--dtype: it must be f32, f16, bf16, q8_0 or q4_0, but is '{}'", wanted);
}

void say(const ExportFlags& flags, std::string_view line) {
  if (!flags.quiet) fmt::print(stderr, "gptc: {}\n", line);
}

void check_out(const ExportFlags& flags, const ModelSource& source) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(flags.out, ignored);
  if (flags.to == "gguf") {
    ir::user_check(!is_folder, "--out: it must name a file for gguf, but {} is a folder",
                   flags.out);
    ir::user_check(flags.overwrite || !fs::exists(flags.out, ignored),
                   "--out: {} is there already; --overwrite replaces it", flags.out);
    return;
  }
  check_model_folder(flags.out, *source.folder,
                     flags.overwrite ? IfThere::replace : IfThere::refuse);
}

int run(const ExportFlags& flags, const std::vector<dsl::Model>& models) {
  const ModelSource source = find_model(models, flags.model);
  ir::user_check(source.folder.has_value(),
                 "model {}: it has no weights yet; train it, and give the folder of the run",
                 source.model.name);
  require_plain(source, "export");
  check_out(flags, source);
  const ExportOptions options = {.encoding = encoding_named(flags.dtype),
                                 .tokenizer = tokenizer_for(flags.tokenizer, *source.folder),
                                 .note = [&](std::string_view line) { say(flags, line); }};
  if (flags.to == "gguf") {
    export_gguf(source, options, flags.out);
  } else {
    export_hub(source, options, flags.out);
    if (!options.tokenizer)
      say(flags, source.folder->string() + " has no tokenizer, so none was written (--tokenizer)");
  }
  say(flags, "wrote " + flags.out);
  return exit_code::done;
}

}  // namespace

void add_export(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("export", "Write a trained model as other programs read it");
  auto flags = std::make_shared<ExportFlags>();
  sub->add_option("--model,-m", flags->model,
                  "a folder that training or Hugging Face's programs wrote")
      ->required();
  sub->add_option("--to", flags->to, "hf (a folder for transformers), gguf (a file for llama.cpp)")
      ->required()
      ->check(CLI::IsMember({"hf", "gguf"}));
  sub->add_option("--out,-o", flags->out, "folder or file to write")->required();
  sub->add_option(
         "--dtype", flags->dtype,
         "how weights are stored; q8_0 and q4_0 (blocks of 32 in 8 or 4 bits) for gguf only")
      ->capture_default_str()
      ->check(CLI::IsMember(encoding_names()));
  sub->add_option("--tokenizer", flags->tokenizer, "gpt2 or a folder; without it, the model's");
  sub->add_flag("--overwrite", flags->overwrite, "replace what is there");
  sub->add_flag("--quiet,-q", flags->quiet, "only errors on stderr");
  sub->footer(
      "Example:\n"
      "  gptc export --model runs/book --to hf --out book-hf\n"
      "  gptc export --model runs/book --to gguf --dtype q8_0 --out book.gguf");
  sub->callback([flags, &program] {
    program.chosen = [flags, &program] { return run(*flags, program.models); };
  });
}

}  // namespace gptc::driver

// gptc tokenizer convert: a vocabulary in the files of other programs.
#include <fmt/format.h>

#include <memory>

#include "frontend/tokenizer/vocabulary_files.h"
#include "tools/driver/commands/tokenizer_commands.h"
#include "tools/driver/tokenizer_source.h"

namespace gptc::driver {
namespace {

struct ConvertFlags {
  std::string tokenizer;
  std::string to;
  std::string out;
  bool quiet = false;
};

int convert(const ConvertFlags& flags) {
  const tokenizer::Tokenizer tokenizer = find_tokenizer(flags.tokenizer);
  const auto files =
      tokenizer::vocabulary_files(tokenizer, *tokenizer::vocabulary_format(flags.to));
  save_files(files, flags.out);
  if (flags.quiet) return exit_code::done;
  fmt::print(stderr, "{} tokens, fingerprint {}; wrote into {}:", tokenizer.vocab_size(),
             tokenizer::fingerprint(tokenizer), flags.out);
  for (const auto& file : files) fmt::print(stderr, " {}", file.name);
  fmt::print(stderr, "\n");
  return exit_code::done;
}

}  // namespace

void add_tokenizer_convert(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("convert", "Write a vocabulary as other programs read it");
  auto flags = std::make_shared<ConvertFlags>();
  add_tokenizer_flag(*sub, flags->tokenizer);
  sub->add_option("--to", flags->to,
                  "hf (tokenizer.json and what goes with it), gpt2 (encoder.json, vocab.bpe), "
                  "tiktoken (vocabulary.tiktoken)")
      ->required()
      ->check(CLI::IsMember({"hf", "gpt2", "tiktoken"}));
  sub->add_option("--out,-o", flags->out, "folder to write into")->required();
  sub->add_flag("--quiet,-q", flags->quiet, "only errors on stderr");
  sub->footer("Example:\n  gptc tokenizer convert --tokenizer runs/tokenizer --to hf --out hf");
  sub->callback([flags, &program] { program.chosen = [flags] { return convert(*flags); }; });
}

}  // namespace gptc::driver

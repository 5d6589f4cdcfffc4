// gptc tokenizer show: a text cut into tokens, in colours, and how it came to them.
#include <unistd.h>

#include <memory>

#include "ir/check.h"
#include "tools/driver/commands/output.h"
#include "tools/driver/commands/tokenizer_commands.h"
#include "tools/driver/token_picture.h"
#include "tools/driver/tokenizer_source.h"

namespace gptc::driver {
namespace {

struct ShowFlags {
  std::string tokenizer;
  std::vector<std::string> words;
  std::string in;
  bool steps = false;
  bool special = false;
};

std::string text_of(const ShowFlags& flags) {
  if (flags.words.empty()) return read_input(flags.in);
  ir::user_check(flags.in.empty(), "--in: it takes the place of a text, but both are given");
  std::string text;
  for (const std::string& word : flags.words) text += text.empty() ? word : ' ' + word;
  return text;
}

int show(const ShowFlags& flags) {
  const tokenizer::Tokenizer tokenizer = find_tokenizer(flags.tokenizer);
  const std::string text = text_of(flags);
  const auto special =
      flags.special ? tokenizer::SpecialTokens::recognised : tokenizer::SpecialTokens::as_text;
  const Colors colors = colors_for(STDOUT_FILENO);
  write_stdout(token_picture(tokenizer, text, {.special = special}, colors));
  if (flags.steps) write_stdout(merge_picture(tokenizer, text, colors));
  return exit_code::done;
}

}  // namespace

void add_tokenizer_show(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("show", "A text cut into its tokens, in colours");
  auto flags = std::make_shared<ShowFlags>();
  add_tokenizer_flag(*sub, flags->tokenizer);
  sub->add_option("text", flags->words, "the text; without, --in or stdin");
  sub->add_option("--in,-i", flags->in, "file to read; - is stdin");
  CLI::Option* steps = sub->add_flag("--steps", flags->steps, "explain it merge by merge");
  sub->add_flag("--special", flags->special, "take <|endoftext|> for the token, not for text")
      ->excludes(steps);
  sub->footer(
      "Example:\n  gptc tokenizer show --tokenizer gpt2 --steps \"The lowest tide\"\n"
      "Colours are for terminals; NO_COLOR=1 turns them off.");
  sub->callback([flags, &program] { program.chosen = [flags] { return show(*flags); }; });
}

}  // namespace gptc::driver

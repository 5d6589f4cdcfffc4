#include "tools/driver/commands/tokenizer_commands.h"

namespace gptc::driver {

void add_tokenizer_flag(CLI::App& app, std::string& name) {
  app.add_option("--tokenizer", name,
                 "gpt2, a folder with a vocabulary, or a file (tokenizer.json, NAME.tiktoken)")
      ->required();
}

void add_tokenizer(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("tokenizer", "Learn a tokenizer, encode, decode, look at it");
  sub->require_subcommand(1);
  add_tokenizer_learn(*sub, program);
  add_tokenizer_encode(*sub, program);
  add_tokenizer_decode(*sub, program);
  add_tokenizer_count(*sub, program);
  add_tokenizer_show(*sub, program);
  add_tokenizer_convert(*sub, program);
}

}  // namespace gptc::driver

// The subcommands of `gptc tokenizer`.
#pragma once

#include "tools/driver/commands/commands.h"

namespace gptc::driver {

void add_tokenizer_learn(CLI::App& app, Program& program);
void add_tokenizer_encode(CLI::App& app, Program& program);
void add_tokenizer_decode(CLI::App& app, Program& program);
void add_tokenizer_count(CLI::App& app, Program& program);
void add_tokenizer_show(CLI::App& app, Program& program);
void add_tokenizer_convert(CLI::App& app, Program& program);

/// --tokenizer, required.
void add_tokenizer_flag(CLI::App& app, std::string& name);

}  // namespace gptc::driver

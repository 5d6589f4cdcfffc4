#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <random>

#include "ir/check.h"
#include "tools/driver/checkpoint.h"
#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/common_flags.h"
#include "tools/driver/commands/output.h"
#include "tools/driver/generator.h"
#include "tools/driver/interrupt.h"
#include "tools/driver/tokenizer_source.h"

namespace gptc::driver {
namespace {

struct GenerateFlags {
  CommonFlags common;
  std::string tokenizer;
  std::vector<std::string> prompts;
  std::vector<std::string> files;
  std::int64_t max_new_tokens = 200;
  double temperature = 0.8;
  std::optional<std::int64_t> top_k;
  std::int64_t samples = 1;
  bool ignore_end = false;
};

std::vector<std::string> prompts_of(const GenerateFlags& flags) {
  std::vector<std::string> prompts = flags.prompts;
  for (const std::string& file : flags.files) prompts.push_back(read_input(file));
  if (prompts.empty() && isatty(STDIN_FILENO) == 0) prompts.push_back(read_input("-"));
  if (prompts.empty()) prompts.emplace_back();
  return prompts;
}

SamplingOptions sampling_of(const GenerateFlags& flags) {
  ir::user_check(!flags.top_k || *flags.top_k >= 1, "--top-k: it must be at least 1, but got {}",
                 flags.top_k.value_or(0));
  SamplingOptions sampling;
  sampling.temperature = flags.temperature;
  sampling.top_k = flags.top_k.value_or(0);
  sampling.seed = flags.common.seed ? *flags.common.seed : std::random_device{}();
  check_sampling(sampling);
  return sampling;
}

/// Ids of a prompt; an empty one begins a document.
std::vector<std::int32_t> encode(const tokenizer::Tokenizer& tokenizer, const std::string& prompt) {
  std::vector<std::int32_t> ids = tokenizer.encode(prompt);
  ir::user_check(!ids.empty() || tokenizer.end_of_text().has_value(),
                 "--prompt: it must not be empty, as the tokenizer has no end-of-text token");
  if (ids.empty()) ids.push_back(*tokenizer.end_of_text());
  return ids;
}

class Writer {
 public:
  Writer(CompiledModel& model, const tokenizer::Tokenizer& tokenizer, const ModelSource& source,
         const GenerateFlags& flags)
      : tokenizer_(tokenizer),
        flags_(flags),
        context_(source.context()),
        generator_(model, source.context()),
        sampling_(sampling_of(flags)) {
    if (!flags.common.seed && sampling_.temperature > 0 && !flags.common.quiet)
      fmt::print(stderr, "gptc: seed {}\n", sampling_.seed);
  }

  bool interrupted() const { return interrupt_.asked(); }

  void write(const std::string& prompt, std::uint64_t sample) {
    const std::vector<std::int32_t> ids = encode(tokenizer_, prompt);
    tokenizer::StreamDecoder decoder(tokenizer_);
    GenerateOptions options;
    options.max_new_tokens = flags_.max_new_tokens;
    options.sampling = sampling_;
    options.sample = sample;
    if (!flags_.ignore_end) options.stop = tokenizer_.end_of_text();
    options.on_shift = [this] {
      if (!flags_.common.quiet)
        fmt::print(stderr, "gptc: the context of {} tokens is full; its last half is kept\n",
                   context_);
    };
    options.on_token = [&](std::int32_t token) {
      write_stdout(decoder.push(token));
      return !interrupt_.asked();
    };
    // Checked before the prompt is echoed: an error stands alone.
    ir::user_check(static_cast<std::int64_t>(ids.size()) <= context_,
                   "--prompt: it must fit the model's context of {} tokens, but has {}; shorten it",
                   context_, ids.size());
    write_stdout(tokenizer::replace_invalid_utf8(prompt));
    generator_.generate(ids, options);
    write_stdout(decoder.finish() + "\n");
  }

 private:
  const tokenizer::Tokenizer& tokenizer_;
  const GenerateFlags& flags_;
  std::int64_t context_;
  Generator generator_;
  SamplingOptions sampling_;
  Interrupt interrupt_;
};

int run(const GenerateFlags& flags, const std::vector<dsl::Model>& models) {
  sampling_of(flags);
  ir::user_check(flags.max_new_tokens >= 0, "-n: it must be at least 0, but got {}",
                 flags.max_new_tokens);
  ir::user_check(flags.samples >= 1, "--num-samples: it must be at least 1, but got {}",
                 flags.samples);
  // --seed is the sampling's; the model keeps its own.
  CommonFlags common = flags.common;
  common.seed.reset();
  const ModelSource source = model_of(common, models);
  ir::user_check(source.folder.has_value(),
                 "model {}: it has no weights yet; train it, and give the folder of the run",
                 source.model.name);
  const tokenizer::Tokenizer tokenizer =
      find_tokenizer(flags.tokenizer.empty() ? source.folder->string() : flags.tokenizer);
  ir::user_check(source.config.integer("vocab_size") == tokenizer.vocab_size(),
                 "model {}: its vocabulary has {} tokens, but the tokenizer has {}",
                 source.folder->string(), source.config.integer("vocab_size"),
                 tokenizer.vocab_size());
  const std::vector<std::string> prompts = prompts_of(flags);
  CompiledModel model(source.model, source.config, Generator::requests(source.context()),
                      compile_options(common, source));
  load_parameters(source, model);
  Writer writer(model, tokenizer, source, flags);
  std::uint64_t sample = 0;
  for (const std::string& prompt : prompts) {
    for (std::int64_t i = 0; i < flags.samples; ++i) {
      if (sample > 0) write_stdout("\n");
      writer.write(prompt, sample++);
      if (writer.interrupted()) return exit_code::interrupted;
    }
  }
  return exit_code::done;
}

}  // namespace

void add_generate(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("generate", "Write text with a trained model");
  auto flags = std::make_shared<GenerateFlags>();
  add_model_flags(*sub, flags->common);
  sub->add_option("--prompt,-p", flags->prompts,
                  "what the text begins with; may be repeated; without any, stdin")
      ->take_all();
  sub->add_option("--file,-f", flags->files, "a file that holds a prompt; - is stdin")->take_all();
  sub->add_option("-n,--max-new-tokens,--n-predict,--predict", flags->max_new_tokens,
                  "most tokens to write");
  sub->add_option("--temperature,--temp", flags->temperature, "0: always the most likely token");
  sub->add_option("--top-k", flags->top_k, "draw from the k most likely tokens; without it, all");
  sub->add_option("--num-samples", flags->samples, "texts for each prompt");
  sub->add_flag("--ignore-eos", flags->ignore_end, "go on behind an end-of-text token");
  sub->add_option("--tokenizer", flags->tokenizer, "gpt2 or a folder; without it, the model's");
  add_seed_flag(*sub, flags->common, "of the draws; without it, another one each time");
  add_machine_flags(*sub, flags->common);
  sub->footer(
      "Example:\n"
      "  gptc generate --model runs/book --prompt \"Call me Ishmael\" -n 120 --top-k 40 --seed 1");
  sub->callback([flags, &program] {
    program.chosen = [flags, &program] { return run(*flags, program.models); };
  });
}

}  // namespace gptc::driver

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <future>
#include <memory>
#include <random>

#include "ir/check.h"
#include "tools/driver/checkpoint.h"
#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/common_flags.h"
#include "tools/driver/commands/generation_config.h"
#include "tools/driver/commands/output.h"
#include "tools/driver/commands/sampling_flags.h"
#include "tools/driver/commands/text_writer.h"
#include "tools/driver/generator.h"
#include "tools/driver/memory.h"
#include "tools/driver/tokenizer_source.h"

namespace gptc::driver {
namespace {

struct GenerateFlags {
  CommonFlags common;
  SamplingFlags sampling;
  std::string tokenizer;
  std::vector<std::string> prompts;
  std::vector<std::string> files;
  bool lines = false;
  bool interactive = false;
  std::int64_t max_new_tokens = 200;
  std::int64_t samples = 1;
  std::int64_t batch = 1;
  std::optional<std::string> logprobs;  // "": of drawn tokens alone
  bool json = false;
};

/// Each line without its end; an empty last one is none.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

std::vector<std::string> prompts_of(const GenerateFlags& flags) {
  std::vector<std::string> prompts = flags.prompts;
  const auto add = [&](std::string text) {
    if (!flags.lines) return prompts.push_back(std::move(text));
    for (std::string& line : lines_of(text)) prompts.push_back(std::move(line));
  };
  for (const std::string& file : flags.files) add(read_input(file));
  const bool none = flags.prompts.empty() && flags.files.empty();
  if (none && (flags.lines || isatty(STDIN_FILENO) == 0)) add(read_input("-"));
  if (none && prompts.empty() && !flags.lines) prompts.emplace_back();
  return prompts;
}

std::optional<std::size_t> logprobs_of(const GenerateFlags& flags) {
  constexpr std::size_t most = 100;
  if (!flags.logprobs) return std::nullopt;
  const std::string& text = *flags.logprobs;
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  ir::user_check(
      text.empty() || (error == std::errc() && end == text.data() + text.size() && count <= most),
      "--logprobs: it must be from 0 to {}, how many tokens to list beside the one "
      "drawn, but got '{}'",
      most, text);
  return count;
}

/// All that flags alone can say; the rest needs the model.
TextWriterOptions options_of(const GenerateFlags& flags) {
  constexpr std::int64_t most_samples = 1'000'000;
  constexpr std::int64_t most_rows = 1024;
  ir::user_check(flags.max_new_tokens >= 0, "-n: it must be at least 0, but got {}",
                 flags.max_new_tokens);
  ir::user_check(flags.samples >= 1 && flags.samples <= most_samples,
                 "--num-samples: it must be from 1 to {}, but got {}", most_samples, flags.samples);
  ir::user_check(flags.batch >= 1 && flags.batch <= most_rows,
                 "--batch: it must be from 1 to {}, but got {}", most_rows, flags.batch);
  TextWriterOptions options = {
      .sampling = sampling_of(flags.sampling,
                              flags.common.seed ? *flags.common.seed : std::random_device{}()),
      .samples = flags.samples,
      .json = flags.json,
      .quiet = flags.common.quiet};
  options.text.max_new_tokens = flags.max_new_tokens;
  options.text.stop = stop_strings(flags.sampling);
  options.text.log_probabilities = logprobs_of(flags);
  return options;
}

/// Without caches, and a line that says so, where an op of the model cannot do with them.
CompiledModel compile(const ModelSource& source, const CompileOptions& options, std::int64_t batch,
                      Reading& reading) {
  const auto make = [&] {
    return CompiledModel(source.model, source.config,
                         Generator::requests(source.context(), batch, reading), options);
  };
  try {
    return make();
  } catch (const ir::UserError&) {
    const std::optional<std::string> why = why_no_caches(source);
    if (!why) throw;
    fmt::print(stderr, "gptc: each token reads the whole text again: {}\n", *why);
  }
  reading = Reading::whole;
  return make();
}

int run(const CLI::App& app, GenerateFlags flags, const std::vector<dsl::Model>& models) {
  // --seed is the sampling's; the model keeps its own.
  CommonFlags common = flags.common;
  common.seed.reset();
  const ModelSource source = model_of(common, models);
  ir::user_check(source.folder.has_value(),
                 "model {}: it has no weights yet; train it, and give the folder of the run",
                 source.model.name);
  const GenerationDefaults defaults =
      take_generation_config(app, *source.folder, flags.sampling, flags.max_new_tokens);
  TextWriterOptions options = options_of(flags);
  if (!defaults.taken.empty() && !flags.common.quiet)
    fmt::print(stderr, "gptc: generation_config.json says {}\n", defaults.taken);
  const std::int64_t vocabulary = source.config.integer("vocab_size");
  check_sampling(options.sampling, vocabulary);
  // A large vocabulary takes as long to read as a model to compile.
  std::future<tokenizer::Tokenizer> arriving =
      std::async(std::launch::async, find_tokenizer,
                 flags.tokenizer.empty() ? source.folder->string() : flags.tokenizer);
  const std::vector<std::string> prompts =
      flags.interactive ? std::vector<std::string>() : prompts_of(flags);
  // No more rows than texts; the interactive mode has one.
  const std::int64_t batch =
      std::clamp<std::int64_t>(std::ssize(prompts) * options.samples, 1, flags.batch);
  return_large_blocks_at_once();
  Reading reading = Reading::cached;
  CompiledModel model = compile(source, inference_options(common, source), batch, reading);
  load_parameters(source, model);
  const tokenizer::Tokenizer tokenizer = arriving.get();
  ir::user_check(vocabulary == tokenizer.vocab_size(),
                 "model {}: its vocabulary has {} tokens, but the tokenizer has {}",
                 source.folder->string(), vocabulary, tokenizer.vocab_size());
  options.text.context = source.context();
  if (!flags.sampling.ignore_end)
    options.text.end_of_text =
        defaults.end_of_text ? defaults.end_of_text : tokenizer.end_of_text();
  if (!flags.common.seed && options.sampling.temperature > 0 && !flags.common.quiet)
    fmt::print(stderr, "gptc: seed {}\n", options.sampling.seed);
  Generator generator(model, source.context(), batch, reading);
  TextWriter writer(generator, tokenizer, options);
  if (flags.interactive) {
    writer.interact();
    return exit_code::done;
  }
  return writer.write(prompts) == WriteEnd::done ? exit_code::done : exit_code::interrupted;
}

void add_prompt_flags(CLI::App& app, GenerateFlags& flags) {
  CLI::Option* prompt = app.add_option("--prompt,-p", flags.prompts,
                                       "what the text begins with; may be repeated; without any, "
                                       "stdin")
                            ->take_all();
  CLI::Option* file =
      app.add_option("--file,-f", flags.files, "a file that holds a prompt; - is stdin")
          ->take_all();
  CLI::Option* lines =
      app.add_flag("--lines", flags.lines, "each line of --file or stdin is a prompt of its own");
  CLI::Option* samples = app.add_option("--num-samples", flags.samples, "texts for each prompt");
  app.add_flag("--interactive,-i", flags.interactive,
               "a text for each line of stdin; an empty line goes on, Ctrl-C ends a text, Ctrl-D "
               "all")
      ->excludes(prompt)
      ->excludes(file)
      ->excludes(lines)
      ->excludes(samples);
}

}  // namespace

void add_generate(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("generate", "Write text with a trained model");
  auto flags = std::make_shared<GenerateFlags>();
  add_model_flags(*sub, flags->common);
  add_prompt_flags(*sub, *flags);
  sub->add_option("-n,--max-new-tokens,--n-predict,--predict", flags->max_new_tokens,
                  "most tokens to write");
  add_sampling_flags(*sub, flags->sampling);
  sub->add_option("--logprobs", flags->logprobs,
                  "the log-probability of each token, and of the N most likely in its place, as "
                  "the model gives them before sampling")
      ->expected(0, 1);
  sub->add_flag("--json", flags->json,
                "a line of JSON for each text: text, tokens, finish_reason, logprobs");
  sub->add_option("--batch,-b", flags->batch,
                  "texts that advance side by side, as far as there are any; they stay the same");
  sub->add_option("--tokenizer", flags->tokenizer, "gpt2 or a folder; without it, the model's");
  add_seed_flag(*sub, flags->common, "of the draws; without it, another one each time");
  add_weight_flags(*sub, flags->common);
  add_machine_flags(*sub, flags->common);
  sub->footer(
      "Example:\n"
      "  gptc generate --model runs/book --prompt \"Call me Ishmael\" -n 120 --top-k 40 --seed 1\n"
      "  gptc generate --model runs/book --lines --top-p 0.95 --stop \"THE END\" --json "
      "<prompts.txt");
  sub->callback([sub, flags, &program] {
    program.chosen = [sub, flags, &program] { return run(*sub, *flags, program.models); };
  });
}

}  // namespace gptc::driver

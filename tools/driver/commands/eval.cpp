#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "ir/check.h"
#include "tools/driver/checkpoint.h"
#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/common_flags.h"
#include "tools/driver/commands/output.h"
#include "tools/driver/corpus.h"
#include "tools/driver/evaluation.h"
#include "tools/driver/interrupt.h"
#include "tools/driver/stored_weights.h"
#include "tools/driver/tokenizer_source.h"
#include "tools/driver/work_bar.h"

namespace gptc::driver {
namespace {

struct EvalFlags {
  CommonFlags common;
  std::vector<std::string> data;
  std::string tokenizer;
  std::int64_t batch = 4;
  std::int64_t context = 0;
  std::int64_t windows = 0;
  bool json = false;
};

struct Measured {
  Evaluation evaluation;
  double seconds = 0;
};

Measured measure(CompiledModel& model, const Corpus& corpus, const tokenizer::Tokenizer& tokenizer,
                 EvaluationOptions options, ProgressStyle style) {
  const Interrupt interrupt;
  WorkBar bar(style);
  options.progress = [&](std::int64_t done, std::int64_t total, double loss) {
    bar.update("evaluating", static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total),
               fmt::format("loss {:.4f}", loss));
    return done == total || !interrupt.asked();
  };
  const auto start = std::chrono::steady_clock::now();
  const Evaluation evaluation = evaluate(model, corpus.train(), tokenizer, options);
  return {evaluation,
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

nlohmann::ordered_json figures(const Measured& measured, std::string_view dtype,
                               const EvaluationOptions& options) {
  const Evaluation& result = measured.evaluation;
  nlohmann::ordered_json json;
  json["loss"] = result.loss;
  json["perplexity"] = result.perplexity();
  json["bits_per_byte"] = result.bits_per_byte();  // null where no target is text
  json["tokens"] = result.targets;
  json["bytes"] = result.bytes;
  json["dtype"] = dtype;
  json["batch"] = options.batch;
  json["context"] = options.context;
  json["seconds"] = measured.seconds;
  json["tokens_per_s"] = static_cast<double>(result.targets) / measured.seconds;
  return json;
}

int run(const EvalFlags& flags, const std::vector<dsl::Model>& models) {
  ir::user_check(!flags.data.empty(),
                 "--data: it must name a text or a token file, but is missing");
  ir::user_check(flags.windows >= 0, "--windows: it must be at least 0 (0: all), but got {}",
                 flags.windows);
  const ModelSource source = model_of(flags.common, models);
  ir::user_check(source.folder.has_value(),
                 "model {}: it has no weights yet; train it, and give the folder of the run",
                 source.model.name);
  const passes::DimSizes sizes = graph_sizes(source, flags.batch, flags.context);
  const EvaluationOptions options = {
      .batch = sizes.at('B'), .context = sizes.at('T'), .windows = flags.windows};
  const tokenizer::Tokenizer tokenizer =
      find_tokenizer(flags.tokenizer.empty() ? source.folder->string() : flags.tokenizer);
  ModelSource sized = source;
  settle_vocabulary(sized, tokenizer.vocab_size());
  const Corpus corpus(tokenizer, {.data = flags.data, .validation_fraction = 0});
  tokenizer.forget();
  CompiledModel model(source.model, sized.config, {evaluation_request(options)},
                      inference_options(flags.common, source));
  load_parameters(source, model);
  if (!flags.common.quiet) {
    for (const std::string& note : corpus.notes()) fmt::print(stderr, "{}\n", note);
  }
  const ProgressStyle style =
      flags.common.quiet ? ProgressStyle::quiet : progress_style(STDERR_FILENO);
  const Measured measured = measure(model, corpus, tokenizer, options, style);
  const Evaluation& result = measured.evaluation;
  if (!result.whole) {
    fmt::print(stderr, "interrupted: loss {:.4f} over the first {} tokens\n", result.loss,
               result.targets);
    return exit_code::interrupted;
  }
  if (flags.json)
    write_stdout(
        figures(measured, store_name(weight_store(flags.common, source)), options).dump(2) + "\n");
  else
    write_stdout(fmt::format(
        "loss {:.4f} nats per token, perplexity {:.3f}, {:.4f} bits per byte; {} tokens ({} "
        "bytes) in {:.1f} s\n",
        result.loss, result.perplexity(), result.bits_per_byte(), result.targets, result.bytes,
        measured.seconds));
  return exit_code::done;
}

}  // namespace

void add_eval(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("eval", "How well a trained model predicts a text");
  auto flags = std::make_shared<EvalFlags>();
  add_model_flags(*sub, flags->common);
  sub->add_option("--data", flags->data, "texts (files, folders, patterns), or one token file");
  sub->add_option("--tokenizer", flags->tokenizer, "gpt2 or a folder; without it, the model's");
  sub->add_option("--batch,--batch-size,-b", flags->batch,
                  "windows at once; the figures are the same");
  sub->add_option("--ctx,--block-size,--context,--ctx-size,-c", flags->context,
                  "tokens of a window; 0: the model's context");
  sub->add_option("--windows", flags->windows,
                  "at most so many windows, spread evenly over the text; 0: all");
  sub->add_flag("--json", flags->json, "the figures as JSON");
  add_weight_flags(*sub, flags->common);
  add_machine_flags(*sub, flags->common);
  sub->footer("Example:\n  gptc eval --model runs/book --data other_book.txt --json");
  sub->callback([flags, &program] {
    program.chosen = [flags, &program] { return run(*flags, program.models); };
  });
}

}  // namespace gptc::driver

#include "tools/driver/training_run.h"

#include <chrono>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "frontend/data/statistics.h"
#include "frontend/formats/atomic_file.h"
#include "frontend/formats/error.h"
#include "ir/check.h"
#include "tools/driver/checkpoint.h"
#include "tools/driver/corpus.h"
#include "tools/driver/evaluation.h"
#include "tools/driver/folder.h"
#include "tools/driver/generator.h"
#include "tools/driver/interrupt.h"
#include "tools/driver/loss_curve.h"
#include "tools/driver/memory.h"
#include "tools/driver/profile.h"
#include "tools/driver/run_log.h"
#include "tools/driver/tokenizer_source.h"

namespace gptc::driver {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

TrainerOptions trainer_options(const TrainSettings& settings, const RunOptions& options) {
  TrainerOptions trainer;
  trainer.batch = settings.batch;
  trainer.context = settings.context;
  trainer.accumulate = settings.grad_accum;
  trainer.validation_windows = settings.eval_windows;
  trainer.generate = settings.sample_interval > 0;
  trainer.compile = options.compile;
  trainer.compile.train = {.beta1 = settings.beta1,
                           .beta2 = settings.beta2,
                           .eps = settings.eps,
                           .weight_decay = settings.weight_decay,
                           .clip = settings.grad_clip};
  return trainer;
}

class Run {
 public:
  Run(ModelSource source, const tokenizer::Tokenizer& tokenizer, TrainSettings settings,
      const RunOptions& options)
      : source_(std::move(source)),
        tokenizer_(tokenizer),
        settings_(std::move(settings)),
        options_(options),
        corpus_(tokenizer, {.data = settings_.data,
                            .validation_data = settings_.validation_data,
                            .validation_fraction = settings_.validation_fraction,
                            .context = settings_.context}),
        started_(Clock::now()) {
    if (settings_.sample_interval > 0) prompt_ = prompt_tokens();
    tokenizer_.forget();
    const std::int64_t windows = data::WindowLoader(corpus_.train(), {.batch = settings_.batch,
                                                                      .context = settings_.context})
                                     .windows();
    steps_ = resolve_steps(settings_, windows);
    TrainerOptions trainer = trainer_options(settings_, options);
    trainer.schedule = resolve_schedule(settings_, steps_);
    trainer.compile.memory_taken = corpus_.resident_bytes();
    make_trainer(std::move(trainer));
  }

  RunEnd go() {
    begin();
    const Interrupt interrupt;
    while (position().step < steps_ && !interrupt.asked()) step();
    save();
    draw();
    progress_->finish();
    if (interrupt.asked()) {
      fmt::print(stderr, "interrupted: saved step {} in {}; --resume goes on from there\n",
                 position().step, options_.out.string());
      print_profile();
      return RunEnd::interrupted;
    }
    if (trainer_->has_validation() && !validation_loss_) validation_loss_ = trainer_->validate();
    if (!quiet()) summarise();
    check_memory();
    print_profile();
    return RunEnd::done;
  }

 private:
  const TrainPosition& position() const { return trainer_->position(); }
  /// The model, and the tokens that lie in memory.
  std::int64_t planned_bytes() const {
    return trainer_->model().planned_bytes() + corpus_.resident_bytes();
  }
  bool quiet() const { return options_.style == ProgressStyle::quiet; }
  std::string path(const char* name) const { return (options_.out / name).string(); }
  bool due(std::int64_t interval) const { return interval > 0 && position().step % interval == 0; }

  /// Samples are read whole where the model cannot be read through caches.
  void make_trainer(TrainerOptions options) {
    const auto make = [&] {
      trainer_ = std::make_unique<Trainer>(source_, corpus_.train(), corpus_.validation(), options);
    };
    try {
      return make();
    } catch (const ir::UserError&) {
      const auto why = options.generate ? why_no_caches(source_) : std::nullopt;
      if (!why) throw;
      if (!quiet()) fmt::print(stderr, "samples are made without caches, slowly: {}\n", *why);
    }
    options.reading = reading_ = Reading::whole;
    make();
  }

  void begin() {
    make_folder(options_.out);
    formats::remove_stale_temporaries(options_.out.string());
    if (options_.resume) {
      trainer_->set_position(load_checkpoint(options_.out, trainer_->model()));
    } else {
      if (source_.folder) load_parameters(source_, trainer_->model());
    }
    log_ = std::make_unique<RunLog>(options_.resume
                                        ? RunLog::resume(path("log.jsonl"), position().step)
                                        : RunLog::start(path("log.jsonl")));
    progress_ = std::make_unique<Progress>(ProgressOptions{
        .total_steps = steps_, .first_step = position().step, .style = options_.style});
    if (!quiet()) introduce();
    if (options_.profile_nodes > 0)
      profile_ = std::make_unique<ModelProfile>(trainer_->model(), trainer_->step_graphs());
  }

  void introduce() const {
    for (const std::string& note : corpus_.notes()) fmt::print(stderr, "{}\n", note);
    fmt::print(stderr,
               "model {}: {} parameters; {} tokens of text ({} bytes), {} for validation\n"
               "training: steps {} to {} of {}x{}x{} tokens in {}, seed {}, memory {}\n",
               source_.model.name, dsl::parameter_count(trainer_->model().module()),
               corpus_.tokens(), corpus_.bytes(), corpus_.validation().size(), position().step,
               steps_, settings_.grad_accum, settings_.batch, settings_.context, settings_.dtype,
               source_.seed, size_text(planned_bytes()));
    if (position().step >= steps_)
      fmt::print(stderr, "all steps are done; give more by --max-steps or --epochs\n");
  }

  void step() {
    const Clock::time_point start = Clock::now();
    const StepResult result = trainer_->step();
    const double rate = static_cast<double>(result.tokens) / seconds_since(start);
    // The first step meets memory that was never touched; it counts only if it is the only one.
    if (profile_ && rate_ == 0 && position().step < steps_) profile_->clear();
    // Smoothed over some twenty steps; the first one counts whole.
    rate_ = rate_ == 0 ? rate : rate_ + (rate - rate_) * 0.05;
    loss_ = loss_ == 0 ? result.loss : loss_ + (result.loss - loss_) * 0.05;
    LogRecord record = {position().step, result.loss, result.lr, rate};
    const bool last = position().step == steps_;
    if (trainer_->has_validation() && (last || due(settings_.eval_interval)))
      record.val_loss = validation_loss_ = trainer_->validate();
    log(record);
    progress_->update({position().step, result.loss, rate_, validation_loss_});
    if (record.val_loss && !quiet())
      progress_->message(
          fmt::format("step {}: validation loss {:.4f}", record.step, *record.val_loss));
    if (due(settings_.sample_interval)) sample();
    if (due(settings_.save_interval) && !last) save_on_the_way();
  }

  /// A full disk must not end the run: what is learned is worth more than its log.
  void log(const LogRecord& record) {
    records_.push_back(record);
    if (!log_) return;
    try {
      log_->append(record);
    } catch (const formats::Error& error) {
      progress_->message(fmt::format("no more log: {}", error.what()));
      log_.reset();
    }
  }

  /// The first time, the folder becomes this run's; until then it keeps what it had.
  void save() {
    if (!folder_is_ours_) {
      if (!options_.resume) remove_checkpoint(options_.out);
      save_config(source_, options_.out);
      save_tokenizer(tokenizer_, options_.out);
      save_settings(settings_, options_.out);
      folder_is_ours_ = true;
    }
    save_checkpoint(options_.out, trainer_->model(), position());
  }

  void save_on_the_way() {
    try {
      save();
    } catch (const formats::Error& error) {
      progress_->message(fmt::format("not saved at step {} (the checkpoint before stays): {}",
                                     position().step, error.what()));
    }
    draw();
  }

  void draw() {
    const LossCurveOptions look = {.title = source_.model.name,
                                   .unigram_entropy = corpus_.unigram_entropy()};
    std::optional<std::string> problem;
    try {
      problem = draw_loss_curve(log_ ? read_log(path("log.jsonl")) : records_,
                                path("loss_curve.png"), look);
    } catch (const formats::Error& error) {
      problem = error.what();
    }
    if (problem && !told_no_picture_) progress_->message(*problem);
    told_no_picture_ = problem.has_value();
  }

  std::vector<std::int32_t> prompt_tokens() const {
    std::vector<std::int32_t> prompt = tokenizer_.encode(settings_.sample_prompt);
    if (prompt.empty()) prompt.push_back(tokenizer_.end_of_text().value_or(0));
    return prompt;
  }

  void sample() {
    Generator generator(trainer_->model(), source_.context(), 1, reading_);
    GenerateOptions options;
    options.max_new_tokens = 64;
    options.sampling = {.temperature = 0.8, .top_k = 40, .seed = source_.seed};
    options.sample = static_cast<std::uint64_t>(position().step);
    options.stop = tokenizer_.end_of_text();
    const std::vector<std::int32_t> made = generator.generate(prompt_, options);
    progress_->message(fmt::format("step {}: {}{}", position().step, settings_.sample_prompt,
                                   tokenizer::replace_invalid_utf8(tokenizer_.decode(made))));
  }

  /// Bytes of the text that the validation windows predict.
  std::uint64_t validation_bytes() const {
    const data::FixedWindows& windows = trainer_->validation();
    std::vector<std::int32_t> tokens(static_cast<std::size_t>(settings_.batch * settings_.context));
    std::vector<std::int32_t> targets(tokens.size());
    const TextBytes text_bytes(tokenizer_);
    std::uint64_t bytes = 0;
    for (std::int64_t i = 0; i < windows.batches(); ++i) {
      windows.batch(i, tokens, targets);
      bytes += text_bytes.of(targets);
    }
    return bytes;
  }

  void summarise() const {
    fmt::print(stderr, "done: step {} in {}", position().step,
               format_duration(seconds_since(started_)));
    if (loss_ > 0) fmt::print(stderr, "; training loss {:.4f} nats per token (smoothed)", loss_);
    fmt::print(stderr, "\n");
    if (corpus_.unigram_entropy())
      fmt::print(stderr, "unigram entropy of the text: {:.4f} nats per token\n",
                 *corpus_.unigram_entropy());
    if (validation_loss_) {
      const auto targets = static_cast<std::uint64_t>(trainer_->validation().targets());
      fmt::print(stderr, "validation loss: {:.4f} nats per token, {:.4f} bits per byte\n",
                 *validation_loss_,
                 data::bits_per_byte(*validation_loss_, targets, validation_bytes()));
    }
    fmt::print(stderr, "saved in {}\n", options_.out.string());
  }

  void check_memory() const {
    const MemoryContract memory = memory_contract(planned_bytes());
    if (!memory.holds())
      fmt::print(stderr, "memory: {}, which is more than the plan allows: please report this\n",
                 memory.text());
    else if (!quiet())
      fmt::print(stderr, "memory: {}\n", memory.text());
  }

  /// Behind the check of memory: measuring the machine takes some.
  void print_profile() const {
    if (!profile_) return;
    const Ceilings ceilings = measure_ceilings(options_.compile.threads);
    fmt::print(stderr, "{}", profile_->tables(ceilings, options_.profile_nodes));
  }

  ModelSource source_;
  const tokenizer::Tokenizer& tokenizer_;
  TrainSettings settings_;
  const RunOptions& options_;
  Corpus corpus_;
  Clock::time_point started_;
  std::int64_t steps_ = 0;
  std::unique_ptr<Trainer> trainer_;
  Reading reading_ = Reading::cached;  // of samples
  std::unique_ptr<ModelProfile> profile_;
  std::unique_ptr<RunLog> log_;
  std::unique_ptr<Progress> progress_;
  std::vector<LogRecord> records_;
  std::vector<std::int32_t> prompt_;  // of samples
  std::optional<double> validation_loss_;
  double loss_ = 0;
  double rate_ = 0;
  bool folder_is_ours_ = false;
  bool told_no_picture_ = false;
};

}  // namespace

RunEnd train(ModelSource source, const tokenizer::Tokenizer& tokenizer, TrainSettings settings,
             const RunOptions& options) {
  check_settings(settings);
  settle_vocabulary(source, tokenizer.vocab_size());
  if (settings.context == 0) settings.context = source.context();
  return Run(std::move(source), tokenizer, std::move(settings), options).go();
}

}  // namespace gptc::driver

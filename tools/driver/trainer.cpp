#include "tools/driver/trainer.h"

#include <cmath>
#include <string>

#include "ir/check.h"
#include "tools/driver/generator.h"

namespace gptc::driver {
namespace {

void check_options(const TrainerOptions& options, const ModelSource& source) {
  const std::int64_t limit = source.context();
  ir::user_check(options.batch >= 1, "--batch: it must be at least 1, but got {}", options.batch);
  ir::user_check(options.accumulate >= 1, "--grad-accum: it must be at least 1, but got {}",
                 options.accumulate);
  ir::user_check(options.context >= 1 && options.context <= limit,
                 "--ctx: it must be from 1 to the model's context of {}, but got {}", limit,
                 options.context);
}

const TrainerOptions& checked(const TrainerOptions& options, const ModelSource& source) {
  check_options(options, source);
  return options;
}

template <class T>
runtime::Binding scalar(std::string name, ir::DType dtype, T& value) {
  return {std::move(name), {{dtype, {}}, reinterpret_cast<std::byte*>(&value)}};
}

}  // namespace

std::vector<GraphRequest> Trainer::requests(const TrainerOptions& options, Validation validation,
                                            std::int64_t model_context) {
  const passes::DimSizes sizes = {{'B', options.batch}, {'T', options.context}};
  std::vector<GraphRequest> all;
  ir::user_check(options.accumulate <= 1 || options.compile.grad_dtype == ir::DType::f32,
                 "--grad-dtype bf16: the sums over --grad-accum {} micro-batches are f32; leave "
                 "one of the two out",
                 options.accumulate);
  if (options.accumulate > 1) {
    all.push_back({"micro_step", "micro_step", sizes});
    all.push_back({"apply", "apply", sizes});
  } else {
    all.push_back({"train", "train", sizes});
  }
  if (validation == Validation::yes) all.push_back({"eval", "eval", sizes});
  if (options.generate) {
    for (GraphRequest& request : Generator::requests(model_context, 1, options.reading))
      all.push_back(std::move(request));
  }
  return all;
}

Trainer::Trainer(const ModelSource& source, const data::TokenView& train,
                 const data::TokenView& validation, const TrainerOptions& options)
    : options_(checked(options, source)),
      model_(source.model, source.config,
             requests(options, validation.empty() ? Validation::no : Validation::yes,
                      source.context()),
             options.compile),
      loader_(train,
              {.batch = options.batch, .context = options.context, .seed = options.compile.seed}),
      tokens_(static_cast<std::size_t>(options.batch * options.context)),
      targets_(tokens_.size()) {
  if (!validation.empty()) {
    validation_.emplace(validation,
                        data::FixedWindowsOptions{.batch = options.batch,
                                                  .context = options.context,
                                                  .max_windows = options.validation_windows});
  }
  bind();
  model_.prepare(batch_call_.label);
  compile_seconds_ =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  model_.initialise();
}

/// Arguments and results of every graph, once: a step makes none.
void Trainer::bind() {
  const bool accumulates = options_.accumulate > 1;
  const std::vector<runtime::Binding> optimizer = {scalar("lr", ir::DType::f32, lr_),
                                                   scalar("step", ir::DType::i64, step_)};
  std::vector<runtime::Binding> outputs = {scalar("loss", ir::DType::f32, loss_),
                                           scalar("tokens", ir::DType::f32, token_count_)};
  batch_call_ = {accumulates ? "micro_step" : "train", {}, outputs};
  eval_call_ = {"eval", {}, outputs};
  outputs.push_back(scalar("grad_norm", ir::DType::f32, grad_norm_));
  batch_call_.inputs = batch_inputs(batch_call_.label);
  if (validation_) eval_call_.inputs = batch_inputs(eval_call_.label);
  if (accumulates) {
    apply_call_ = {"apply", optimizer, std::move(outputs)};
  } else {
    batch_call_.inputs.insert(batch_call_.inputs.end(), optimizer.begin(), optimizer.end());
    batch_call_.outputs = std::move(outputs);
  }
}

std::vector<std::string> Trainer::step_graphs() const {
  std::vector<std::string> labels = {std::string(batch_call_.label)};
  if (options_.accumulate > 1) labels.emplace_back(apply_call_.label);
  return labels;
}

void Trainer::run(const Call& call) { model_.run(call.label, call.inputs, call.outputs); }

std::vector<runtime::Binding> Trainer::batch_inputs(std::string_view graph) {
  const ir::Type ids = {ir::DType::i32, {options_.batch, options_.context}};
  std::vector<runtime::Binding> inputs = {
      {"tokens", {ids, reinterpret_cast<std::byte*>(tokens_.data())}},
      {"targets", {ids, reinterpret_cast<std::byte*>(targets_.data())}}};
  if (model_.has_input(graph, "micro_batch"))
    inputs.push_back(scalar("micro_batch", ir::DType::i64, micro_batch_));
  return inputs;
}

void Trainer::next_micro_batch() {
  loader_.micro_batch(position_.micro_batches, tokens_, targets_);
  micro_batch_ = static_cast<std::int64_t>(position_.micro_batches++);
}

// Allocates nothing unless it fails.
StepResult Trainer::step() {
  const TrainPosition before = position_;
  StepResult result{.lr = options_.schedule.at(position_.step)};
  lr_ = static_cast<float>(result.lr);
  step_ = position_.step;
  for (std::int64_t i = 0; i < options_.accumulate; ++i) {
    next_micro_batch();
    run(batch_call_);
  }
  if (options_.accumulate > 1) run(apply_call_);
  result.loss = static_cast<double>(loss_);
  result.grad_norm = static_cast<double>(grad_norm_);
  result.tokens = options_.batch * options_.context * options_.accumulate;
  if (!std::isfinite(result.loss) || !std::isfinite(result.grad_norm)) position_ = before;
  check_finite(result);
  ++position_.step;
  return result;
}

void Trainer::check_finite(const StepResult& result) const {
  const bool finite = std::isfinite(result.loss) && std::isfinite(result.grad_norm);
  ir::user_check(finite,
                 "step {}: loss and gradient norm must be finite, but are {} and {}; parameters "
                 "are as before this step; try a smaller --lr or a longer --warmup-steps",
                 position_.step + 1, result.loss, result.grad_norm);
}

const data::FixedWindows& Trainer::validation() const {
  ir::user_check(validation_.has_value(),
                 "validation: there must be text for it, but there is none");
  return *validation_;
}

double Trainer::validate() {
  double loss = 0;
  double count = 0;
  for (std::int64_t i = 0; i < validation().batches(); ++i) {
    validation().batch(i, tokens_, targets_);
    run(eval_call_);
    loss += static_cast<double>(loss_);
    count += static_cast<double>(token_count_);
  }
  return loss / count;
}

}  // namespace gptc::driver

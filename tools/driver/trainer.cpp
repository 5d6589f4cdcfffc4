#include "tools/driver/trainer.h"

#include <cmath>
#include <string>

#include "ir/check.h"
#include "tools/driver/generator.h"

namespace gptc::driver {
namespace {

std::vector<GraphRequest> requests_of(const TrainerOptions& options, bool validate,
                                      std::int64_t model_context) {
  const passes::DimSizes sizes = {{'B', options.batch}, {'T', options.context}};
  std::vector<GraphRequest> requests;
  if (options.accumulate > 1) {
    requests.push_back({"micro_step", "micro_step", sizes});
    requests.push_back({"apply", "apply", sizes});
  } else {
    requests.push_back({"train", "train", sizes});
  }
  if (validate) requests.push_back({"eval", "eval", sizes});
  if (options.generate) {
    for (GraphRequest& request : Generator::requests(model_context))
      requests.push_back(std::move(request));
  }
  return requests;
}

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

struct Outputs {
  float loss = 0;
  float tokens = 0;
  float grad_norm = 0;

  std::vector<runtime::Binding> bindings() {
    return {scalar("loss", ir::DType::f32, loss), scalar("tokens", ir::DType::f32, tokens)};
  }
  std::vector<runtime::Binding> with_norm() {
    std::vector<runtime::Binding> all = bindings();
    all.push_back(scalar("grad_norm", ir::DType::f32, grad_norm));
    return all;
  }
};

}  // namespace

Trainer::Trainer(const ModelSource& source, const data::TokenView& train,
                 const data::TokenView& validation, const TrainerOptions& options)
    : options_(checked(options, source)),
      model_(source.model, source.config,
             requests_of(options, !validation.empty(), source.context()), options.compile),
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
  model_.prepare(options_.accumulate > 1 ? "micro_step" : "train");
  compile_seconds_ =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  model_.initialise();
}

ir::Type Trainer::ids_type() const { return {ir::DType::i32, {options_.batch, options_.context}}; }

std::vector<runtime::Binding> Trainer::batch_inputs(std::string_view graph) {
  std::vector<runtime::Binding> inputs = {
      {"tokens", {ids_type(), reinterpret_cast<std::byte*>(tokens_.data())}},
      {"targets", {ids_type(), reinterpret_cast<std::byte*>(targets_.data())}}};
  if (model_.has_input(graph, "micro_batch"))
    inputs.push_back(scalar("micro_batch", ir::DType::i64, micro_batch_));
  return inputs;
}

void Trainer::next_micro_batch() {
  loader_.micro_batch(position_.micro_batches, tokens_, targets_);
  micro_batch_ = static_cast<std::int64_t>(position_.micro_batches++);
}

StepResult Trainer::step() {
  const TrainPosition before = position_;
  StepResult result{.lr = options_.schedule.at(position_.step)};
  auto lr = static_cast<float>(result.lr);
  const std::vector<runtime::Binding> optimizer = {scalar("lr", ir::DType::f32, lr),
                                                   scalar("step", ir::DType::i64, position_.step)};
  Outputs out;
  if (options_.accumulate > 1) {
    for (std::int64_t i = 0; i < options_.accumulate; ++i) {
      next_micro_batch();
      model_.run("micro_step", batch_inputs("micro_step"), out.bindings());
    }
    model_.run("apply", optimizer, out.with_norm());
  } else {
    next_micro_batch();
    std::vector<runtime::Binding> inputs = batch_inputs("train");
    inputs.insert(inputs.end(), optimizer.begin(), optimizer.end());
    model_.run("train", inputs, out.with_norm());
  }
  result.loss = static_cast<double>(out.loss);
  result.grad_norm = static_cast<double>(out.grad_norm);
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
    Outputs out;
    model_.run("eval", batch_inputs("eval"), out.bindings());
    loss += static_cast<double>(out.loss);
    count += static_cast<double>(out.tokens);
  }
  return loss / count;
}

}  // namespace gptc::driver

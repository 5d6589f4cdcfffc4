#include "tools/driver/evaluation.h"

#include <cmath>
#include <limits>
#include <vector>

#include "frontend/data/statistics.h"
#include "ir/check.h"

namespace gptc::driver {
namespace {

constexpr const char* label = "eval";

/// The graph's arguments and results, made once.
class EvalCall {
 public:
  EvalCall(CompiledModel& model, const EvaluationOptions& options)
      : model_(model),
        tokens_(static_cast<std::size_t>(options.batch * options.context)),
        targets_(tokens_.size()) {
    const ir::Type ids = {ir::DType::i32, {options.batch, options.context}};
    const auto bytes_of = [](auto& value) { return reinterpret_cast<std::byte*>(&value); };
    inputs_ = {{"tokens", {ids, bytes_of(tokens_.front())}},
               {"targets", {ids, bytes_of(targets_.front())}}};
    outputs_ = {{"loss", {{ir::DType::f32, {}}, bytes_of(loss_)}},
                {"tokens", {{ir::DType::f32, {}}, bytes_of(count_)}}};
  }
  EvalCall(const EvalCall&) = delete;
  EvalCall& operator=(const EvalCall&) = delete;

  /// The summed loss of a batch of windows.
  double run(const data::FixedWindows& windows, std::int64_t batch) {
    windows.batch(batch, tokens_, targets_);
    model_.run(label, inputs_, outputs_);
    return static_cast<double>(loss_);
  }
  [[nodiscard]] double targets() const { return static_cast<double>(count_); }
  [[nodiscard]] std::span<const std::int32_t> target_ids() const { return targets_; }

 private:
  CompiledModel& model_;
  std::vector<std::int32_t> tokens_;
  std::vector<std::int32_t> targets_;
  float loss_ = 0;
  float count_ = 0;
  std::vector<runtime::Binding> inputs_;
  std::vector<runtime::Binding> outputs_;
};

}  // namespace

double Evaluation::perplexity() const { return std::exp(loss); }

double Evaluation::bits_per_byte() const {
  if (bytes == 0) return std::numeric_limits<double>::quiet_NaN();
  return data::bits_per_byte(loss, static_cast<std::uint64_t>(targets), bytes);
}

TextBytes::TextBytes(const tokenizer::Tokenizer& tokenizer)
    : bytes_(static_cast<std::size_t>(tokenizer.vocab_size())) {
  for (std::size_t id = 0; id < bytes_.size(); ++id)
    bytes_[id] =
        static_cast<std::uint32_t>(tokenizer.token_bytes(static_cast<std::int32_t>(id)).size());
  for (const std::int32_t id : tokenizer.special_tokens()) bytes_[static_cast<std::size_t>(id)] = 0;
}

std::uint64_t TextBytes::of(std::span<const std::int32_t> targets) const {
  std::uint64_t bytes = 0;
  for (const std::int32_t target : targets) {
    if (target != data::no_target) bytes += bytes_.at(static_cast<std::size_t>(target));
  }
  return bytes;
}

GraphRequest evaluation_request(const EvaluationOptions& options) {
  return {label, "eval", {{'B', options.batch}, {'T', options.context}}};
}

Evaluation evaluate(CompiledModel& model, const data::TokenView& tokens,
                    const tokenizer::Tokenizer& tokenizer, const EvaluationOptions& options) {
  const data::FixedWindows windows(
      tokens, {.batch = options.batch, .context = options.context, .max_windows = options.windows});
  const TextBytes text_bytes(tokenizer);
  const std::int64_t total = windows.targets();
  EvalCall call(model, options);
  Evaluation result;
  double loss = 0;
  double count = 0;
  for (std::int64_t i = 0; i < windows.batches() && result.whole; ++i) {
    loss += call.run(windows, i);
    count += call.targets();
    ir::user_check(std::isfinite(loss),
                   "evaluation: the loss must be finite, but is {} after {} tokens; the model's "
                   "weights are damaged",
                   loss, count);
    result.bytes += text_bytes.of(call.target_ids());
    result.targets = static_cast<std::int64_t>(count);
    result.loss = loss / count;
    if (options.progress) result.whole = options.progress(result.targets, total, result.loss);
  }
  return result;
}

}  // namespace gptc::driver

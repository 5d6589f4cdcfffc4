// How well a model predicts a text.
#pragma once

#include <cstdint>
#include <functional>

#include "frontend/data/fixed_windows.h"
#include "frontend/tokenizer/tokenizer.h"
#include "tools/driver/compile.h"

namespace gptc::driver {

struct EvaluationOptions {
  std::int64_t batch = 1;    // windows of a run (B)
  std::int64_t context = 1;  // positions of a window (T)
  std::int64_t windows = 0;  // at most this many, spread over the text; 0: all
  /// After each run: targets done, of all, and their mean loss so far. False ends the evaluation.
  std::function<bool(std::int64_t done, std::int64_t total, double loss)> progress = {};
};

struct Evaluation {
  double loss = 0;           // mean, nats per target
  std::int64_t targets = 0;  // tokens predicted
  std::uint64_t bytes = 0;   // of the text that the targets are; special tokens are none of it
  bool whole = true;         // progress did not end it

  [[nodiscard]] double perplexity() const;
  /// NaN if no target is text.
  [[nodiscard]] double bits_per_byte() const;
};

/// The graph that evaluate() runs.
GraphRequest evaluation_request(const EvaluationOptions& options);

/// The stream is cut into windows of T tokens without overlap; every token but the first is a
/// target once, the last window may be shorter (data::FixedWindows). The model was compiled with
/// evaluation_request(options). Sums are f32 within a run, f64 over the runs. UserError if the loss
/// is not finite; data::Error for fewer than two tokens.
Evaluation evaluate(CompiledModel& model, const data::TokenView& tokens,
                    const tokenizer::Tokenizer& tokenizer, const EvaluationOptions& options);

/// Bytes of text of each token; 0 for special tokens, which mark text and are not part of it.
class TextBytes {
 public:
  explicit TextBytes(const tokenizer::Tokenizer& tokenizer);
  /// Of the targets; data::no_target counts nothing.
  [[nodiscard]] std::uint64_t of(std::span<const std::int32_t> targets) const;

 private:
  std::vector<std::uint32_t> bytes_;  // by token
};

}  // namespace gptc::driver

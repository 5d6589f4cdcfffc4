// A text that is being written: all that is its own, so that any number can advance side by side.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/tokenizer.h"
#include "tools/driver/sampling/history.h"
#include "tools/driver/sampling/log_probabilities.h"
#include "tools/driver/sampling/sampler.h"
#include "tools/driver/sampling/stop_filter.h"

namespace gptc::driver {

/// Why a text is over.
enum class Finish : std::uint8_t {
  not_yet,
  length,       // it has the tokens that were asked for
  end_of_text,  // the model ended it
  stop,         // a stop string is complete
  no_token,     // every token is forbidden
  interrupted,  // from outside
};
std::string_view name_of(Finish finish);

struct TextOptions {
  std::int64_t context = 1;  // positions the model sees
  std::int64_t max_new_tokens = 200;
  std::uint64_t sample = 0;                      // which text: part of the random numbers' place
  std::optional<std::int32_t> end_of_text = {};  // ends the text and is not given out
  std::vector<std::string> stop = {};            // in new text only; needs a tokenizer
  /// Keep log-probabilities, and of that many of the best tokens.
  std::optional<std::size_t> log_probabilities = {};
};

/// The model's view of one drawn token.
struct DrawnToken {
  float log_probability = 0;
  std::vector<TokenProbability> best;
};

/// While !done(): give it the logits behind window() and it draws the next token.
///
/// Past the context the last half of it is kept, and window_begin() moves: what a cache holds of
/// the text is then void, and the window is to be read again.
class TextInProgress {
 public:
  /// UserError for an empty prompt or stop string. Without a tokenizer there is no text to take.
  TextInProgress(std::span<const std::int32_t> prompt, TextOptions options,
                 const tokenizer::Tokenizer* tokenizer = nullptr);

  /// The next token by the logits f32[V] behind the window; a text that is over takes none.
  std::optional<std::int32_t> advance(std::span<const float> logits, Sampler& sampler);
  /// Ends the text from outside; no effect if it is over.
  void end(Finish why);

  [[nodiscard]] std::uint64_t sample() const { return options_.sample; }

  [[nodiscard]] bool done() const { return finish_ != Finish::not_yet; }
  [[nodiscard]] Finish finish() const { return finish_; }

  /// The tokens that the model sees, 1 to `context` of them, and where they begin in the text.
  [[nodiscard]] std::span<const std::int32_t> window() const;
  [[nodiscard]] std::size_t window_begin() const { return window_begin_; }

  /// Prompt and new tokens.
  [[nodiscard]] std::span<const std::int32_t> tokens() const { return history_.tokens(); }
  /// The tokens drawn, those of a stop string included.
  [[nodiscard]] std::span<const std::int32_t> made() const;
  /// For each of made(), if asked for.
  [[nodiscard]] std::span<const DrawnToken> probabilities() const { return drawn_; }

  /// New text that is certain and was not taken yet: whole characters, cut before a stop string.
  std::string take_text();

 private:
  void take(std::int32_t token);
  void note_probabilities(std::span<const float> logits, std::int32_t token);
  void fit_window();

  TextOptions options_;
  History history_;
  std::size_t prompt_size_;
  std::size_t window_begin_ = 0;
  std::vector<DrawnToken> drawn_;
  std::optional<tokenizer::StreamDecoder> decoder_;
  StopFilter filter_;
  std::string text_;  // certain, not taken
  Finish finish_ = Finish::not_yet;
};

}  // namespace gptc::driver

#include "tools/driver/sampling/text_in_progress.h"

#include <algorithm>
#include <array>
#include <utility>

#include "ir/check.h"

namespace gptc::driver {
namespace {

/// Room that is taken at once; a text that grows longer takes more.
std::size_t room(std::int64_t tokens) {
  constexpr std::int64_t most = 4096;
  return static_cast<std::size_t>(std::clamp<std::int64_t>(tokens, 0, most));
}

}  // namespace

std::string_view name_of(Finish finish) {
  constexpr std::array<std::string_view, 6> names = {"not_yet", "length",   "end_of_text",
                                                     "stop",    "no_token", "interrupted"};
  return names.at(static_cast<std::size_t>(finish));
}

TextInProgress::TextInProgress(std::span<const std::int32_t> prompt, TextOptions options,
                               const tokenizer::Tokenizer* tokenizer)
    : options_(std::move(options)),
      history_(prompt, room(options_.max_new_tokens)),
      prompt_size_(prompt.size()),
      filter_(options_.stop) {
  ir::user_check(!prompt.empty(), "prompt: it must have at least one token, but is empty");
  ir::internal_check(tokenizer != nullptr || options_.stop.empty(),
                     "a text with stop strings needs a tokenizer");
  if (tokenizer != nullptr) decoder_.emplace(*tokenizer);
  if (options_.max_new_tokens <= 0) end(Finish::length);
  fit_window();
}

void TextInProgress::fit_window() {
  const auto context = static_cast<std::size_t>(options_.context);
  if (tokens().size() - window_begin_ <= context) return;
  window_begin_ = tokens().size() - std::max<std::size_t>(1, context / 2);
}

std::span<const std::int32_t> TextInProgress::window() const {
  return tokens().subspan(window_begin_);
}

std::span<const std::int32_t> TextInProgress::made() const {
  return tokens().subspan(prompt_size_);
}

std::optional<std::int32_t> TextInProgress::advance(std::span<const float> logits,
                                                    Sampler& sampler) {
  if (done()) return std::nullopt;
  const std::optional<std::int32_t> token =
      sampler.sample(logits, history_, {options_.sample, made().size()});
  if (!token) {
    end(Finish::no_token);
    return token;
  }
  if (token == options_.end_of_text) {
    end(Finish::end_of_text);
    return std::nullopt;
  }
  if (options_.log_probabilities) note_probabilities(logits, *token);
  take(*token);
  return token;
}

void TextInProgress::take(std::int32_t token) {
  history_.push(token);
  if (decoder_) text_ += filter_.push(decoder_->push(token));
  if (filter_.stopped()) end(Finish::stop);
  if (static_cast<std::int64_t>(made().size()) >= options_.max_new_tokens) end(Finish::length);
  if (!done()) fit_window();
}

void TextInProgress::note_probabilities(std::span<const float> logits, std::int32_t token) {
  const LogProbabilities all(logits);
  drawn_.push_back({all.of(token), all.top(*options_.log_probabilities)});
}

void TextInProgress::end(Finish why) {
  if (done()) return;
  finish_ = why;
  if (!decoder_) return;
  // Half a character and half a stop string are text after all.
  text_ += filter_.push(decoder_->finish());
  text_ += filter_.finish();
}

std::string TextInProgress::take_text() { return std::exchange(text_, ""); }

}  // namespace gptc::driver

#include "tools/driver/sampling/text_in_progress.h"

#include <gtest/gtest.h>

#include <cmath>

#include "frontend/tokenizer/learner.h"
#include "ir/check.h"

namespace gptc::driver {
namespace {

using Tokens = std::vector<std::int32_t>;

/// Makes a text draw exactly these tokens.
class Script {
 public:
  explicit Script(std::int64_t vocabulary)
      : logits_(static_cast<std::size_t>(vocabulary)), sampler_({.temperature = 0}, vocabulary) {}

  std::optional<std::int32_t> give(TextInProgress& text, std::int32_t token) {
    logits_.assign(logits_.size(), 0.F);
    logits_[static_cast<std::size_t>(token)] = 1;
    return text.advance(logits_, sampler_);
  }

 private:
  std::vector<float> logits_;
  Sampler sampler_;
};

const tokenizer::Tokenizer& bytes() {
  static const tokenizer::Tokenizer made = [] {
    const std::vector<std::string_view> documents = {"the whale the whale"};
    return tokenizer::Tokenizer::learn(documents, {.vocab_size = 262});
  }();
  return made;
}

Tokens made(const TextInProgress& text) { return {text.made().begin(), text.made().end()}; }

TEST(TextInProgress, EndsAtItsLength) {
  Script script(10);
  TextInProgress text(Tokens{1}, {.context = 8, .max_new_tokens = 2});
  EXPECT_EQ(script.give(text, 4), 4);
  EXPECT_FALSE(text.done());
  EXPECT_EQ(script.give(text, 5), 5);
  EXPECT_EQ(text.finish(), Finish::length);
  EXPECT_EQ(script.give(text, 6), std::nullopt);
  EXPECT_EQ(made(text), (Tokens{4, 5}));
  EXPECT_EQ(text.tokens().size(), 3U);
  EXPECT_EQ(TextInProgress(Tokens{1}, {.max_new_tokens = 0}).finish(), Finish::length);
}

TEST(TextInProgress, EndOfTextIsNotGivenOut) {
  Script script(10);
  TextInProgress text(Tokens{1}, {.context = 8, .end_of_text = 9});
  script.give(text, 4);
  EXPECT_EQ(script.give(text, 9), std::nullopt);
  EXPECT_EQ(text.finish(), Finish::end_of_text);
  EXPECT_EQ(made(text), Tokens{4});
}

TEST(TextInProgress, EndsWhereEveryTokenIsForbidden) {
  Sampler sampler({.temperature = 0, .no_repeat_ngram = 1}, 3);
  TextInProgress text(Tokens{1}, {.context = 8});
  const std::vector<float> logits(3, 0.F);
  EXPECT_EQ(text.advance(logits, sampler), 0);
  EXPECT_EQ(text.advance(logits, sampler), 2);
  EXPECT_EQ(text.advance(logits, sampler), std::nullopt);
  EXPECT_EQ(text.finish(), Finish::no_token);
}

TEST(TextInProgress, KeepsTheLastHalfPastTheContext) {
  Script script(10);
  TextInProgress text(Tokens{1, 2}, {.context = 4});
  const auto window = [&] { return Tokens(text.window().begin(), text.window().end()); };
  EXPECT_EQ(window(), (Tokens{1, 2}));
  script.give(text, 3);
  script.give(text, 4);
  EXPECT_EQ(window(), (Tokens{1, 2, 3, 4}));
  EXPECT_EQ(text.window_begin(), 0U);
  script.give(text, 5);
  EXPECT_EQ(window(), (Tokens{4, 5}));
  EXPECT_EQ(text.window_begin(), 3U);
  script.give(text, 6);
  script.give(text, 7);
  EXPECT_EQ(window(), (Tokens{4, 5, 6, 7}));
  EXPECT_EQ(text.tokens().size(), 7U);
  TextInProgress narrow(Tokens{1}, {.context = 1});
  script.give(narrow, 2);
  EXPECT_EQ(narrow.window().size(), 1U);
  EXPECT_EQ(narrow.window().front(), 2);
}

TEST(TextInProgress, StreamsWholeCharacters) {
  Script script(bytes().vocab_size());
  TextInProgress text(Tokens{1}, {.context = 99}, &bytes());
  std::vector<std::string> parts;
  for (const char* byte : {"\xc3", "\xa9", "x", "\xe2", "\x82"}) {
    const std::int32_t token = [&] {
      for (std::int32_t id = 0;; ++id)
        if (bytes().token_bytes(id) == byte) return id;
    }();
    script.give(text, token);
    parts.push_back(text.take_text());
  }
  EXPECT_EQ(parts, (std::vector<std::string>{"", "\xc3\xa9", "x", "", ""}));
  text.end(Finish::interrupted);
  EXPECT_EQ(text.take_text(), "\xef\xbf\xbd");
  EXPECT_EQ(text.take_text(), "");
  EXPECT_EQ(text.finish(), Finish::interrupted);
}

// A stop string that begins and ends within tokens.
TEST(TextInProgress, CutsBeforeAStopStringAcrossTokens) {
  const Tokens ids = bytes().encode("so the whale swims");
  Script script(bytes().vocab_size());
  TextInProgress text(Tokens{1}, {.context = 99, .stop = {"e wha", "zz"}}, &bytes());
  std::string shown;
  std::size_t given = 0;
  while (!text.done()) {
    script.give(text, ids[given++]);
    shown += text.take_text();
    EXPECT_TRUE(std::string("so th").starts_with(shown)) << shown;
  }
  EXPECT_EQ(shown, "so th");
  EXPECT_EQ(text.finish(), Finish::stop);
  EXPECT_LT(given, ids.size());
  EXPECT_EQ(text.made().size(), given);
}

TEST(TextInProgress, AStopStringOfThePromptDoesNotCount) {
  const Tokens prompt = bytes().encode("ab");
  Script script(bytes().vocab_size());
  TextInProgress text(prompt, {.context = 99, .max_new_tokens = 1, .stop = {"bc", "ab"}}, &bytes());
  script.give(text, bytes().encode("c").front());
  EXPECT_EQ(text.finish(), Finish::length);
  EXPECT_EQ(text.take_text(), "c");
}

TEST(TextInProgress, NotesLogProbabilitiesBeforeSamplingChangesThem) {
  Sampler sampler({.temperature = 0, .logit_bias = {{1, -INFINITY}}}, 3);
  TextInProgress text(Tokens{0}, {.context = 9, .log_probabilities = 2});
  text.advance(std::vector<float>{0, std::log(2.F), std::log(1.F)}, sampler);
  ASSERT_EQ(text.probabilities().size(), 1U);
  const DrawnToken& drawn = text.probabilities().front();
  EXPECT_EQ(made(text), Tokens{0});
  EXPECT_NEAR(drawn.log_probability, std::log(0.25F), 1e-6F);
  ASSERT_EQ(drawn.best.size(), 2U);
  EXPECT_EQ(drawn.best[0].token, 1);
  EXPECT_NEAR(drawn.best[0].log_probability, std::log(0.5F), 1e-6F);
  EXPECT_EQ(drawn.best[1].token, 0);
}

TEST(TextInProgress, RefusesAnEmptyPrompt) {
  EXPECT_THROW(TextInProgress(Tokens{}, {.context = 8}), ir::UserError);
}

}  // namespace
}  // namespace gptc::driver

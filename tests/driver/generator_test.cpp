#include "tools/driver/generator.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ir/check.h"
#include "tests/driver/tiny_model.h"

namespace gptc::driver {
namespace {

using testing::tiny_model;

class GeneratorTest : public ::testing::Test {
 protected:
  static ModelSource source_of(std::int64_t context) {
    ModelSource source = tiny_model();
    source.config.set("context", context);
    return source;
  }
  explicit GeneratorTest(std::int64_t context = 24)
      : source_(source_of(context)),
        model_(source_.model, source_.config, Generator::requests(context),
               {.threads = 1, .seed = 3}),
        generator_(model_, context) {
    model_.initialise();
  }

  ModelSource source_;
  CompiledModel model_;
  Generator generator_;
};

TEST(GeneratorRequests, AreDecodeAndTheChunksThatFit) {
  const auto lengths = [](std::int64_t context) {
    std::vector<std::int64_t> all;
    for (const GraphRequest& request : Generator::requests(context)) {
      EXPECT_EQ(request.sizes.at('S'), context);
      all.push_back(request.sizes.at('T'));
    }
    return all;
  };
  EXPECT_EQ(lengths(1024), (std::vector<std::int64_t>{1, 16, 64, 256, 1024}));
  EXPECT_EQ(lengths(16), (std::vector<std::int64_t>{1, 16}));
  EXPECT_EQ(lengths(4), (std::vector<std::int64_t>{1}));
}

// 16 tokens run at length 16, more of them at 24: the greedy text crosses the border.
TEST_F(GeneratorTest, GreedyTextIsTheLargestLogitAtEveryLength) {
  std::vector<std::int32_t> tokens = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9};
  GenerateOptions options;
  options.max_new_tokens = 8;
  options.sampling.temperature = 0;
  const std::vector<std::int32_t> made = generator_.generate(tokens, options);
  ASSERT_EQ(made.size(), 8U);
  for (const std::int32_t next : made) {
    const auto logits = generator_.logits(tokens);
    EXPECT_EQ(std::max_element(logits.begin(), logits.end()) - logits.begin(), next);
    tokens.push_back(next);
  }
}

TEST_F(GeneratorTest, ThePaddingBehindTheLastTokenIsNotSeen) {
  const std::vector<std::int32_t> one = {5};
  const auto first = generator_.logits(one);
  const std::vector<float> before(first.begin(), first.end());
  generator_.logits(std::vector<std::int32_t>(16, 60));  // other bytes in the arena
  const auto again = generator_.logits(one);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), again.begin(), again.end()));
}

TEST_F(GeneratorTest, GoesOnPastTheContext) {
  GenerateOptions options;
  options.max_new_tokens = 60;
  EXPECT_EQ(generator_.generate(std::vector<std::int32_t>{1, 2, 3}, options).size(), 60U);
}

// Ragged prompts, texts that end at different times, contexts that fill; the third row is empty.
TEST_F(GeneratorTest, TextsSideBySideAreWhatTheyAreAlone) {
  const std::vector<std::vector<std::int32_t>> prompts = {
      {1}, {5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, {40, 2}};
  const SamplingOptions sampling = {
      .temperature = 1.1, .top_k = 30, .repetition_penalty = 1.1, .seed = 4};
  const auto length = [](std::size_t i) { return static_cast<std::int64_t>(10 + 20 * i); };
  CompiledModel model(source_.model, source_.config, Generator::requests(24, 4),
                      {.threads = 1, .seed = 3});
  model.initialise();
  Generator four(model, 24, 4);
  Sampler sampler(sampling, four.vocabulary());
  std::vector<TextInProgress> texts;
  for (std::size_t i = 0; i < prompts.size(); ++i)
    texts.emplace_back(prompts[i],
                       TextOptions{.context = 24, .max_new_tokens = length(i), .sample = i});
  const std::vector<TextInProgress*> rows = {texts.data(), &texts[1], nullptr, &texts[2]};
  while (!texts[2].done()) four.advance(rows, sampler);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto made = texts[i].made();
    EXPECT_EQ(std::vector(made.begin(), made.end()),
              generator_.generate(prompts[i],
                                  {.max_new_tokens = length(i), .sampling = sampling, .sample = i}))
        << i;
  }
}

TEST_F(GeneratorTest, SameSeedSameText) {
  GenerateOptions options;
  options.max_new_tokens = 20;
  options.sampling = {.temperature = 1, .seed = 5};
  const std::vector<std::int32_t> prompt = {1};
  const auto first = generator_.generate(prompt, options);
  EXPECT_EQ(generator_.generate(prompt, options), first);
  options.sample = 1;
  EXPECT_NE(generator_.generate(prompt, options), first);
}

TEST_F(GeneratorTest, StopsAtTheStopTokenWithoutGivingItOut) {
  GenerateOptions options;
  options.max_new_tokens = 400;
  options.sampling.seed = 2;
  options.stop = 17;
  const std::vector<std::int32_t> prompt = {1};
  const auto made = generator_.generate(prompt, options);
  EXPECT_LT(made.size(), 400U);
  EXPECT_EQ(std::count(made.begin(), made.end(), 17), 0);
}

TEST_F(GeneratorTest, RefusesEmptyAndTooLongPrompts) {
  EXPECT_THROW(generator_.generate({}, {}), ir::UserError);
  EXPECT_THROW(generator_.generate(std::vector<std::int32_t>(25, 1), {}), ir::UserError);
  GenerateOptions one;
  one.max_new_tokens = 1;
  EXPECT_EQ(generator_.generate(std::vector<std::int32_t>(24, 1), one).size(), 1U);
}

}  // namespace
}  // namespace gptc::driver

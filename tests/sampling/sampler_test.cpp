#include "tools/driver/sampling/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "ir/check.h"
#include "tests/sampling/naive.h"
#include "tools/driver/sampling/steps.h"

namespace gptc::driver {
namespace {

using Logits = std::vector<float>;
using Tokens = std::vector<std::int32_t>;

constexpr float never = -std::numeric_limits<float>::infinity();

std::optional<std::int32_t> sample(const Logits& logits, const SamplingOptions& options,
                                   Draw draw = {}, const Tokens& text = {}) {
  Sampler sampler(options, static_cast<std::int64_t>(logits.size()));
  History history(text);
  return sampler.sample(logits, history, draw);
}

std::map<std::int32_t, int> draws(const Logits& logits, const SamplingOptions& options,
                                  std::uint64_t count, const Tokens& text = {}) {
  Sampler sampler(options, static_cast<std::int64_t>(logits.size()));
  History history(text);
  std::map<std::int32_t, int> seen;
  for (std::uint64_t i = 0; i < count; ++i) ++seen[sampler.sample(logits, history, {0, i}).value()];
  return seen;
}

std::set<std::int32_t> drawn(const Logits& logits, const SamplingOptions& options,
                             const Tokens& text = {}) {
  std::set<std::int32_t> tokens;
  for (const auto& [token, count] : draws(logits, options, 2000, text)) tokens.insert(token);
  return tokens;
}

using Set = std::set<std::int32_t>;

TEST(Sampler, TemperatureZeroTakesTheFirstOfTheLargest) {
  EXPECT_EQ(sample({1, 5, 5, 2}, {.temperature = 0}), 1);
  EXPECT_EQ(sample({1, 5, 5, 2}, {.temperature = 0, .top_k = 3, .top_p = 0.5, .min_p = 0.5}), 1);
  Logits many(1000, 0.F);
  many[977] = 1;
  EXPECT_EQ(sample(many, {.temperature = 0}), 977);
  many[979] = 1;
  EXPECT_EQ(sample(many, {.temperature = 0}), 977);
}

TEST(Sampler, TopOneIsTheLargest) { EXPECT_EQ(drawn({1, 5, 4, 2}, {.top_k = 1}), Set{1}); }

TEST(Sampler, TiesAtTheLastPlaceOfTopKStay) {
  EXPECT_EQ(drawn({3, 1, 2, 2, 2, 0}, {.top_k = 2}), (Set{0, 2, 3, 4}));
}

// Probabilities 1/2, 1/4, 1/8, 1/8.
TEST(Sampler, TheTokenThatCrossesTopPStays) {
  const Logits logits = {std::log(1.F), std::log(4.F), std::log(2.F), std::log(1.F)};
  EXPECT_EQ(drawn(logits, {.top_p = 0}), Set{1});
  EXPECT_EQ(drawn(logits, {.top_p = 0.45}), Set{1});
  EXPECT_EQ(drawn(logits, {.top_p = 0.55}), (Set{1, 2}));
  EXPECT_EQ(drawn(logits, {.top_p = 0.80}), (Set{0, 1, 2}));
  EXPECT_EQ(drawn(logits, {.top_p = 0.95}), (Set{0, 1, 2, 3}));
  // Of the two that top-k leaves, the first has 2/3.
  EXPECT_EQ(drawn(logits, {.top_k = 2, .top_p = 0.6}), Set{1});
}

TEST(Sampler, MinPIsRelativeToTheBest) {
  const Logits logits = {std::log(1.F), std::log(4.F), std::log(2.F), std::log(1.F)};
  EXPECT_EQ(drawn(logits, {.min_p = 0.45}), (Set{1, 2}));
  EXPECT_EQ(drawn(logits, {.min_p = 0.55}), Set{1});
  EXPECT_EQ(drawn(logits, {.min_p = 1}), Set{1});
  // Temperature 2 takes the root of ratios: 1, 0.71, 0.5.
  EXPECT_EQ(drawn(logits, {.temperature = 2, .min_p = 0.55}), (Set{1, 2}));
}

TEST(Sampler, DrawsByTheSoftmaxAtThatTemperature) {
  constexpr int count = 20000;
  const auto seen = draws({std::log(1.F), std::log(3.F)}, {.temperature = 0.5, .seed = 3}, count);
  // Temperature 1/2 squares the odds: 1 to 9.
  EXPECT_NEAR(seen.at(1) / double{count}, 0.9, 0.01);
}

TEST(Sampler, ExtremeTemperaturesKeepTheirMeaning) {
  EXPECT_EQ(drawn({1, 2, never, 2}, {.temperature = 1e-300}), (Set{1, 3}));
  EXPECT_EQ(drawn({1, 2, never, 2}, {.temperature = 1e300, .min_p = 0.5}), (Set{0, 1, 3}));
}

TEST(Sampler, RepetitionPenaltyLowersWhatTheTextHas) {
  // 4 and 2 become 2 and 1, -1 becomes -2; once, however often a token occurs.
  const SamplingOptions greedy = {.temperature = 0, .repetition_penalty = 2};
  EXPECT_EQ(sample({4, 3, -3}, greedy, {}, {0, 0, 0}), 1);
  EXPECT_EQ(sample({4, 1.9F, -3}, greedy, {}, {0, 0, 0}), 0);
  EXPECT_EQ(sample({-1.5F, -2}, greedy, {}, {0}), 1);
  EXPECT_EQ(sample({-1.5F, -4}, greedy, {}, {0}), 0);
}

TEST(Sampler, NoRunOfTokensComesTwice) {
  const SamplingOptions two = {.temperature = 0, .no_repeat_ngram = 2};
  EXPECT_EQ(sample({1, 3, 2}, two, {}, {0, 1, 2, 0}), 2);  // 0 1 was there
  EXPECT_EQ(sample({1, 3, 2}, two, {}, {0, 1, 0, 2, 0}), 0);
  EXPECT_EQ(sample({1, 3, 2}, two, {}, {0}), 1);
  EXPECT_EQ(sample({1, 3, 2}, {.temperature = 0, .no_repeat_ngram = 1}, {}, {1, 1}), 2);
  EXPECT_EQ(sample({1, 3, 2}, {.temperature = 0, .no_repeat_ngram = 9}, {}, {1, 1}), 1);
}

TEST(Sampler, BiasMovesAndForbids) {
  EXPECT_EQ(sample({1, 3, 2}, {.temperature = 0, .logit_bias = {{0, 2.5F}}}), 0);
  EXPECT_EQ(drawn({1, 3, 2}, {.logit_bias = {{1, never}}}), (Set{0, 2}));
}

TEST(Sampler, NothingIsLeft) {
  EXPECT_EQ(sample({1, 2}, {.logit_bias = {{0, never}, {1, never}}}), std::nullopt);
  EXPECT_EQ(
      sample({1, 2}, {.top_k = 1, .top_p = 0.5, .min_p = 0.5, .no_repeat_ngram = 1}, {}, {0, 1}),
      std::nullopt);
  EXPECT_EQ(sample({never, never}, {.temperature = 0}), std::nullopt);
}

TEST(Sampler, ADrawDependsOnSeedSampleAndPositionAlone) {
  const Logits logits(1000, 0.F);
  const SamplingOptions options = {.seed = 11};
  EXPECT_EQ(sample(logits, options, {1, 2}), sample(logits, options, {1, 2}));
  std::set<std::int32_t> tokens;
  for (std::uint64_t i = 0; i < 20; ++i) {
    tokens.insert(sample(logits, options, {i, 0}).value());
    tokens.insert(sample(logits, options, {0, i + 1}).value());
    tokens.insert(sample(logits, {.seed = 100 + i}, {0, 0}).value());
  }
  EXPECT_GT(tokens.size(), 50U);
}

TEST(Sampler, ImpossibleTokensAreNeverDrawn) {
  EXPECT_EQ(drawn({never, 0, never}, {}), Set{1});
  EXPECT_EQ(drawn({never, 0, never}, {.top_k = 2}), Set{1});
  EXPECT_EQ(drawn({never, 0, never}, {.top_p = 0.999}), Set{1});
}

TEST(Sampler, RefusesLogitsThatAreNoNumbers) {
  for (const std::size_t at : {0U, 5U, 31U, 32U, 33U}) {
    for (const float wrong : {std::nanf(""), -std::nanf(""), INFINITY}) {
      Logits logits(34, 0.F);
      logits[at] = wrong;
      EXPECT_THROW(sample(logits, {}), ir::UserError) << at;
      EXPECT_THROW(sample(logits, {.temperature = 0}), ir::UserError) << at;
      EXPECT_THROW(sample(logits, {.top_k = 2}), ir::UserError) << at;
    }
  }
}

TEST(Sampler, RefusesOptionsOutOfRange) {
  const double nan = std::nan("");
  const std::vector<SamplingOptions> wrong = {
      {.temperature = -1},
      {.temperature = nan},
      {.temperature = INFINITY},
      {.top_k = -1},
      {.top_p = -0.1},
      {.top_p = 1.1},
      {.top_p = nan},
      {.min_p = -0.1},
      {.min_p = 1.1},
      {.min_p = nan},
      {.repetition_penalty = 0},
      {.repetition_penalty = -1},
      {.repetition_penalty = 1e4},
      {.repetition_penalty = nan},
      {.no_repeat_ngram = -1},
      {.logit_bias = {{0, INFINITY}}},
      {.logit_bias = {{0, std::nanf("")}}},
      {.logit_bias = {{0, 1}, {0, 2}}},
  };
  for (std::size_t i = 0; i < wrong.size(); ++i)
    EXPECT_THROW(check_sampling(wrong[i]), ir::UserError) << i;
  EXPECT_THROW(check_sampling({.logit_bias = {{7, 1}}}, 7), ir::UserError);
  EXPECT_THROW(check_sampling({.logit_bias = {{-1, 1}}}, 7), ir::UserError);
  EXPECT_NO_THROW(check_sampling({.logit_bias = {{6, 1}}}, 7));
}

// Every combination of settings against the definitions: what stays, and which token a place in
// [0, 1) of the probability gives.
class AgainstDefinitions : public ::testing::TestWithParam<int> {};

SamplingOptions random_options(std::mt19937& random, std::int32_t vocabulary) {
  const auto one_of = [&](const auto& values) { return values[random() % std::size(values)]; };
  SamplingOptions options;
  options.temperature = one_of(std::vector<double>{1, 0.7, 0.2, 1.9, 0});
  options.top_k = one_of(std::vector<std::int64_t>{0, 0, 1, 3, 40, 200, 100000});
  options.top_p = one_of(std::vector<double>{1, 0.95, 0.6, 0.1, 0.9999});
  options.min_p = one_of(std::vector<double>{0, 0, 0.043, 0.31, 0.87});
  options.repetition_penalty = one_of(std::vector<double>{1, 1, 1.37, 0.71});
  options.no_repeat_ngram = one_of(std::vector<std::int64_t>{0, 0, 1, 2, 3});
  if (random() % 2 == 0)
    options.logit_bias = {
        {static_cast<std::int32_t>(random() % 2), never},
        {2 + static_cast<std::int32_t>(random() % static_cast<unsigned>(vocabulary - 2)), 1.3F}};
  return options;
}

void expect_the_same(std::mt19937& random) {
  constexpr std::array<std::size_t, 6> sizes = {3, 16, 17, 100, 333, 1500};
  constexpr std::array<float, 4> steps = {0, 0, 0.25F, 1};
  const std::size_t size = sizes.at(random() % sizes.size());
  const float width = 0.5F + static_cast<float>(random() % 6);
  const Logits logits = testing::random_logits(random, size, width, steps.at(random() % 4));
  const SamplingOptions options = random_options(random, static_cast<std::int32_t>(size));
  Tokens text(random() % 30);
  for (std::int32_t& token : text)
    token = static_cast<std::int32_t>(random() % std::min(size, std::size_t{9}));

  const std::vector<double> expected = testing::naive_distribution(logits, options, text);
  const Tokens support = testing::naive_support(expected);
  Candidates candidates(size);
  candidates.begin(logits);
  History history(text);
  for (const SamplingStep& step : sampling_steps())
    if (step.active(options)) step.apply(candidates, options, history);
  ASSERT_EQ(candidates.none_left(), support.empty());
  if (support.empty()) return;
  Tokens kept;  // those that can be drawn
  for (const std::int32_t token : candidates.tokens())
    if (expected[static_cast<std::size_t>(token)] > 0 || options.top_p < 1 || options.min_p > 0)
      kept.push_back(token);
  EXPECT_EQ(kept, support);
  double sum = 0;
  for (const std::int32_t token : support) {
    const double probability = expected[static_cast<std::size_t>(token)];
    if (probability > 1e-4) {
      EXPECT_EQ(candidates.draw(sum + 0.01 * probability), token);
      EXPECT_EQ(candidates.draw(sum + 0.99 * probability), token);
    }
    sum += probability;
  }
}

TEST_P(AgainstDefinitions, KeepsAndDrawsTheSame) {
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  for (int round = 0; round < 200 && !HasFailure(); ++round) expect_the_same(random);
}

INSTANTIATE_TEST_SUITE_P(Random, AgainstDefinitions, ::testing::Range(0, 6));

// As often as their probabilities say: a chi-squared sum of 4 standard deviations would be rare.
TEST(Sampler, CountsOfDrawsFollowTheDistribution) {
  std::mt19937 random(5);
  const Logits logits = testing::random_logits(random, 60, 1.5F, 0);
  const SamplingOptions options = {.temperature = 1.2, .top_k = 30, .top_p = 0.95, .seed = 9};
  constexpr int count = 50000;
  const std::vector<double> expected = testing::naive_distribution(logits, options, {});
  auto seen = draws(logits, options, count);
  double chi_squared = 0;
  for (const std::int32_t token : testing::naive_support(expected)) {
    const double mean = count * expected[static_cast<std::size_t>(token)];
    chi_squared += (seen[token] - mean) * (seen[token] - mean) / mean;
  }
  const auto freedom = static_cast<double>(seen.size() - 1);
  EXPECT_EQ(seen.size(), testing::naive_support(expected).size());
  EXPECT_LT(chi_squared, freedom + 4 * std::sqrt(2 * freedom));
}

}  // namespace
}  // namespace gptc::driver

#include "tools/driver/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "ir/check.h"

namespace gptc::driver {
namespace {

std::map<std::int32_t, int> draws(const std::vector<float>& logits, const SamplingOptions& options,
                                  std::uint64_t count) {
  std::map<std::int32_t, int> seen;
  for (std::uint64_t i = 0; i < count; ++i) ++seen[sample_token(logits, options, {0, i})];
  return seen;
}

TEST(Sampler, TemperatureZeroTakesTheFirstOfTheLargest) {
  EXPECT_EQ(sample_token(std::vector<float>{1, 5, 5, 2}, {.temperature = 0}, {}), 1);
}

TEST(Sampler, TopOneIsTheLargest) {
  for (const auto& [token, count] : draws({1, 5, 4, 2}, {.top_k = 1}, 50)) EXPECT_EQ(token, 1);
}

TEST(Sampler, TiesAtTheLastPlaceOfTopKStay) {
  const auto seen = draws({3, 1, 2, 2, 2, 0}, {.top_k = 2}, 400);
  std::set<std::int32_t> tokens;
  for (const auto& [token, count] : seen) tokens.insert(token);
  EXPECT_EQ(tokens, (std::set<std::int32_t>{0, 2, 3, 4}));
}

TEST(Sampler, DrawsByTheSoftmaxAtThatTemperature) {
  constexpr int count = 20000;
  const auto seen = draws({std::log(1.F), std::log(3.F)}, {.temperature = 0.5, .seed = 3}, count);
  // Temperature 1/2 squares the odds: 1 to 9.
  EXPECT_NEAR(seen.at(1) / double{count}, 0.9, 0.01);
}

TEST(Sampler, ADrawDependsOnSeedSampleAndPositionAlone) {
  const std::vector<float> logits(1000, 0.F);
  const SamplingOptions options = {.seed = 11};
  EXPECT_EQ(sample_token(logits, options, {1, 2}), sample_token(logits, options, {1, 2}));
  std::set<std::int32_t> tokens;
  for (std::uint64_t i = 0; i < 20; ++i) {
    tokens.insert(sample_token(logits, options, {i, 0}));
    tokens.insert(sample_token(logits, options, {0, i + 1}));
    tokens.insert(sample_token(logits, {.seed = 100 + i}, {0, 0}));
  }
  EXPECT_GT(tokens.size(), 50U);
}

TEST(Sampler, ImpossibleTokensAreNeverDrawn) {
  constexpr float never = -std::numeric_limits<float>::infinity();
  const auto seen = draws({never, 0, never}, {}, 100);
  EXPECT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen.begin()->first, 1);
}

TEST(Sampler, RefusesWhatCannotBe) {
  EXPECT_THROW(check_sampling({.temperature = -1}), ir::UserError);
  EXPECT_THROW(check_sampling({.temperature = std::nan("")}), ir::UserError);
  EXPECT_THROW(check_sampling({.top_k = -1}), ir::UserError);
  EXPECT_THROW(sample_token(std::vector<float>{0, std::nanf("")}, {}, {}), ir::UserError);
}

}  // namespace
}  // namespace gptc::driver

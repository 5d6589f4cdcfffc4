#include "tools/driver/sampling/weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace gptc::driver {
namespace {

constexpr float never = -std::numeric_limits<float>::infinity();

std::vector<float> weights_of(const std::vector<float>& scores, float best, float scale) {
  std::vector<float> weights(scores.size(), -1);
  weigh(scores, best, scale, weights);
  return weights;
}

TEST(Weights, AreExponentials) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(-60, 2);
  std::vector<float> scores(1001);
  for (float& score : scores) score = uniform(random);
  scores[7] = 2;
  const std::vector<float> weights = weights_of(scores, 2, 1);
  EXPECT_EQ(weights[7], 1.F);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double x = 2 - static_cast<double>(scores[i]);
    EXPECT_NEAR(static_cast<double>(weights[i]) * std::exp(x), 1, (3 + x) * 1e-7) << scores[i];
  }
}

TEST(Weights, OfWhatCannotBeAreZeroAtEveryScale) {
  for (const float scale : {smallest_scale, 1.F, 1e30F})
    EXPECT_EQ(weights_of({never, 5, never}, 5, scale), (std::vector<float>{0, 1, 0})) << scale;
  EXPECT_EQ(weights_of({-200, 0}, 0, 1), (std::vector<float>{0, 1}));
  EXPECT_EQ(weights_of({-2e38F, 2e38F}, 2e38F, 1), (std::vector<float>{0, 1}));
  EXPECT_EQ(weights_of({-2, 0}, 0, smallest_scale), (std::vector<float>{1, 1}));
}

TEST(Weights, SumsAreThoseOfDoubles) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(0, 1);
  for (const std::size_t count : {0U, 1U, 7U, 8U, 63U, 64U, 65U, 1000U}) {
    std::vector<float> weights(count);
    double sum = 0;
    for (float& weight : weights) sum += static_cast<double>(weight = uniform(random));
    EXPECT_NEAR(sum_of(weights), sum, 1e-6 * sum) << count;
  }
}

TEST(Weights, AnIndexIsWhereTheSumPassesTheTarget) {
  std::vector<float> weights(200, 0.F);
  weights[3] = 1;
  weights[70] = 2;
  weights[130] = 1;
  EXPECT_EQ(index_at(weights, 0), 3U);
  EXPECT_EQ(index_at(weights, 0.99), 3U);
  EXPECT_EQ(index_at(weights, 1), 70U);
  EXPECT_EQ(index_at(weights, 2.99), 70U);
  EXPECT_EQ(index_at(weights, 3), 130U);
  EXPECT_EQ(index_at(weights, 4), 130U);  // by rounding
  EXPECT_EQ(index_at(weights, 5), 130U);
}

}  // namespace
}  // namespace gptc::driver

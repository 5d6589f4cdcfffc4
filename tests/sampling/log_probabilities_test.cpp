#include "tools/driver/sampling/log_probabilities.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "tests/sampling/naive.h"

namespace gptc::driver {
namespace {

TEST(LogProbabilities, AreTheLogSoftmax) {
  std::mt19937 random(1);
  for (const std::size_t count : {1U, 30U, 1024U, 3001U}) {
    const std::vector<float> logits = testing::random_logits(random, count, 3, 0);
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
    const LogProbabilities all(logits);
    for (std::size_t i = 0; i < count; ++i) {
      const float got = all.of(static_cast<std::int32_t>(i));
      if (std::isinf(logits[i]))
        EXPECT_EQ(got, logits[i]);
      else
        EXPECT_NEAR(static_cast<double>(got), static_cast<double>(logits[i]) - std::log(sum), 1e-5);
    }
  }
}

TEST(LogProbabilities, TheBestInOrderOfEqualsTheSmallestId) {
  std::mt19937 random(2);
  for (int round = 0; round < 50; ++round) {
    const std::vector<float> logits = testing::random_logits(random, 90, 2, 0.5F);
    std::vector<std::int32_t> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, std::greater<>(), [&](std::int32_t token) {
      return logits[static_cast<std::size_t>(token)];
    });
    const LogProbabilities all(logits);
    for (const std::size_t count : {0U, 1U, 5U, 90U, 100U}) {
      const auto top = all.top(count);
      ASSERT_EQ(top.size(), std::min(count, logits.size()));
      for (std::size_t i = 0; i < top.size(); ++i) {
        EXPECT_EQ(top[i].token, order[i]);
        EXPECT_EQ(top[i].log_probability, all.of(order[i]));
      }
    }
  }
}

}  // namespace
}  // namespace gptc::driver

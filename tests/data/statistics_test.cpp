#include "frontend/data/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "frontend/data/error.h"

namespace gptc::data {
namespace {

TEST(UnigramEntropy, KnownDistributions) {
  EXPECT_EQ(unigram_entropy({}), 0);
  EXPECT_EQ(unigram_entropy(std::vector<std::int32_t>(50, 7)), 0);
  std::vector<std::int32_t> uniform;
  for (std::int32_t i = 0; i < 4096; ++i) uniform.insert(uniform.end(), 3, i * 1000);
  EXPECT_NEAR(unigram_entropy(uniform), std::log(4096.0), 1e-12);
  const double expected = -(0.5 * std::log(0.5) + 0.25 * std::log(0.25) * 2);
  EXPECT_NEAR(unigram_entropy(std::vector<std::int32_t>{1, 1, 2, 3}), expected, 1e-15);
}

TEST(UnigramEntropy, DoesNotDependOnTheOrder) {
  EXPECT_EQ(unigram_entropy(std::vector<std::int32_t>{1, 1, 2, 3, 3, 3, 9}),
            unigram_entropy(std::vector<std::int32_t>{9, 3, 1, 3, 2, 1, 3}));
}

TEST(BitsPerByte, ConvertsNatsPerToken) {
  EXPECT_NEAR(bits_per_byte(std::log(256.0), 100, 100), 8, 1e-12);
  EXPECT_NEAR(bits_per_byte(std::log(2.0), 100, 400), 0.25, 1e-12);
  EXPECT_THROW(bits_per_byte(1, 0, 1), Error);
  EXPECT_THROW(bits_per_byte(1, 1, 0), Error);
}

}  // namespace
}  // namespace gptc::data

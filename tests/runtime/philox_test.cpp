#include "backends/runtime/philox.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gptc::runtime {

namespace {

using Words = std::array<std::uint32_t, 4>;

/// The vectors of the paper's own test file (Random123, kat_vectors).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox_block(0, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint64_t ones = ~std::uint64_t{0};
  EXPECT_EQ(philox_block(ones, ones, ones),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox_block(0x85a308d3243f6a88, 0x0370734413198a2e, 0x299f31d0a4093822),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, AWordIsOneOfItsBlock) {
  for (std::uint64_t element = 0; element < 17; ++element)
    EXPECT_EQ(philox_word(element, 5, 7), philox_block(element / 4, 5, 7)[element % 4]);
}

TEST(Philox, UniformsLieBelowOne) {
  EXPECT_EQ(uniform_of(0), 0);
  EXPECT_LT(uniform_of(0xffffffff), 1);
  EXPECT_EQ(uniform_of(0x80000000), 0.5);
}

TEST(Philox, KeepThreshold) {
  EXPECT_EQ(keep_threshold(0), 0U);
  EXPECT_EQ(keep_threshold(0.5), 0x80000000U);
  EXPECT_EQ(keep_threshold(0.1), 429496729U);
  EXPECT_EQ(keep_threshold(std::nextafter(1.0, 0.0)), 0xffffffffU);
}

TEST(Philox, AShareOfPIsDropped) {
  const std::uint32_t threshold = keep_threshold(0.3);
  int kept = 0;
  const int count = 100000;
  for (std::uint64_t i = 0; i < count; ++i) kept += philox_word(i, 1, 2) >= threshold ? 1 : 0;
  EXPECT_NEAR(kept / static_cast<double>(count), 0.7, 0.006);  // four standard deviations
}

TEST(Philox, NormalsHaveTheirMoments) {
  double sum = 0;
  double squares = 0;
  const int blocks = 50000;
  for (std::uint64_t block = 0; block < blocks; ++block)
    for (const double x : normals_of(philox_block(block, 0, 99))) {
      ASSERT_TRUE(std::isfinite(x));
      sum += x;
      squares += x * x;
    }
  EXPECT_NEAR(sum / (4.0 * blocks), 0, 0.01);
  EXPECT_NEAR(squares / (4.0 * blocks), 1, 0.015);
}

TEST(Philox, NormalsOfTheExtremes) {
  const auto least = normals_of({0, 0, 0xffffffff, 0});
  EXPECT_NEAR(least[0], std::sqrt(2 * 32 * std::log(2.0)), 1e-12);  // w0 = 0: the largest radius
  EXPECT_EQ(least[1], 0);
  EXPECT_EQ(least[2], 0);  // ln 1
}

}  // namespace

}  // namespace gptc::runtime

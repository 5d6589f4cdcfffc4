#include "frontend/formats/checked.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace gptc::formats {
namespace {

constexpr auto max64 = std::numeric_limits<std::uint64_t>::max();

TEST(Checked, AddsUpToTheLimit) {
  EXPECT_EQ(checked_add(max64 - 1, std::uint64_t{1}), max64);
  EXPECT_EQ(checked_add(max64, std::uint64_t{1}), std::nullopt);
  EXPECT_EQ(checked_add(std::int8_t{100}, std::int8_t{28}), std::nullopt);
}

TEST(Checked, MultipliesUpToTheLimit) {
  EXPECT_EQ(checked_mul(std::uint64_t{1} << 32, (std::uint64_t{1} << 32) - 1),
            max64 - (std::uint64_t{1} << 32) + 1);
  EXPECT_EQ(checked_mul(std::uint64_t{1} << 32, std::uint64_t{1} << 32), std::nullopt);
}

TEST(Checked, NarrowsWithinTheTarget) {
  EXPECT_EQ(checked_narrow<std::int32_t>(std::int64_t{2147483647}), 2147483647);
  EXPECT_EQ(checked_narrow<std::int32_t>(std::int64_t{2147483648}), std::nullopt);
  EXPECT_EQ(checked_narrow<std::uint64_t>(-1), std::nullopt);
}

TEST(Checked, ElementsOfAShape) {
  EXPECT_EQ(checked_elements({}), 1u);
  EXPECT_EQ(checked_elements(std::array<std::int64_t, 3>{2, 3, 5}), 30u);
  EXPECT_EQ(checked_elements(std::array<std::int64_t, 2>{7, 0}), 0u);
  EXPECT_EQ(checked_elements(std::array<std::int64_t, 2>{-1, 1}), std::nullopt);
  EXPECT_EQ(checked_elements(std::array<std::int64_t, 2>{1LL << 40, 1LL << 40}), std::nullopt);
}

}  // namespace
}  // namespace gptc::formats

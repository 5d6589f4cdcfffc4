#include "frontend/data/fixed_windows.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "frontend/data/error.h"

namespace gptc::data {
namespace {

using Tokens = std::vector<std::int32_t>;

Tokens counting(std::size_t n) {
  Tokens tokens(n);
  std::iota(tokens.begin(), tokens.end(), 10);
  return tokens;
}

TEST(FixedWindows, CoverEveryTargetOnceAndMaskTheRest) {
  const Tokens tokens = counting(11);  // ten targets: windows of 4, 4 and 2
  const FixedWindows windows(tokens, {.batch = 2, .context = 4});
  EXPECT_EQ(windows.windows(), 3);
  EXPECT_EQ(windows.batches(), 2);
  EXPECT_EQ(windows.targets(), 10);
  Tokens inputs(8, 99);
  Tokens targets(8, 99);
  EXPECT_EQ(windows.batch(0, inputs, targets), 8);
  EXPECT_EQ(inputs, (Tokens{10, 11, 12, 13, 14, 15, 16, 17}));
  EXPECT_EQ(targets, (Tokens{11, 12, 13, 14, 15, 16, 17, 18}));
  EXPECT_EQ(windows.batch(1, inputs, targets), 2);
  EXPECT_EQ(inputs, (Tokens{18, 19, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(targets, (Tokens{19, 20, -1, -1, -1, -1, -1, -1}));
}

TEST(FixedWindows, AWholeLastWindowIsNotMasked) {
  const Tokens tokens = counting(9);
  const FixedWindows windows(tokens, {.batch = 2, .context = 4});
  EXPECT_EQ(windows.windows(), 2);
  EXPECT_EQ(windows.targets(), 8);
}

TEST(FixedWindows, AFewAreSpreadEvenly) {
  const Tokens tokens = counting(101);  // 25 windows of 4
  const FixedWindows windows(tokens, {.batch = 1, .context = 4, .max_windows = 5});
  Tokens inputs(4);
  Tokens targets(4);
  Tokens starts;
  for (std::int64_t i = 0; i < windows.batches(); ++i) {
    windows.batch(i, inputs, targets);
    starts.push_back(inputs.front() - 10);
  }
  EXPECT_EQ(starts, (Tokens{0, 20, 40, 60, 80}));
  EXPECT_EQ(windows.targets(), 20);
}

TEST(FixedWindows, MoreThanThereAreIsAll) {
  const Tokens tokens = counting(101);
  EXPECT_EQ(FixedWindows(tokens, {.batch = 1, .context = 4, .max_windows = 1000}).windows(), 25);
}

TEST(FixedWindows, TheCountsOfTheBatchesAddUp) {
  for (std::size_t n = 2; n < 60; ++n)
    for (std::int64_t max = 0; max < 8; ++max) {
      const Tokens tokens = counting(n);
      const FixedWindows windows(tokens, {.batch = 3, .context = 5, .max_windows = max});
      std::int64_t total = 0;
      Tokens inputs(15);
      Tokens targets(15);
      for (std::int64_t i = 0; i < windows.batches(); ++i)
        total += windows.batch(i, inputs, targets);
      ASSERT_EQ(total, windows.targets());
      if (max == 0) {
        ASSERT_EQ(total, static_cast<std::int64_t>(n) - 1);
      }
    }
}

TEST(FixedWindows, RejectsWhatCannotBeServed) {
  const Tokens tokens = counting(9);
  EXPECT_THROW(FixedWindows(std::span(tokens).first(1), {.batch = 1, .context = 4}), Error);
  EXPECT_THROW(FixedWindows(tokens, {.batch = 0, .context = 4}), Error);
  EXPECT_THROW(FixedWindows(tokens, {.batch = 1, .context = 4, .max_windows = -1}), Error);
  const FixedWindows windows(tokens, {.batch = 1, .context = 4});
  Tokens inputs(4);
  Tokens targets(4);
  EXPECT_THROW(windows.batch(2, inputs, targets), Error);
  EXPECT_THROW(windows.batch(-1, inputs, targets), Error);
  EXPECT_THROW(windows.batch(0, std::span(inputs).first(3), targets), Error);
}

}  // namespace
}  // namespace gptc::data

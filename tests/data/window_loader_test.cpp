#include "frontend/data/window_loader.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "frontend/data/error.h"

namespace gptc::data {
namespace {

std::vector<std::int32_t> counting(std::size_t n) {
  std::vector<std::int32_t> tokens(n);
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}

struct Batch {
  std::vector<std::int32_t> inputs;
  std::vector<std::int32_t> targets;
  friend bool operator==(const Batch&, const Batch&) = default;
};

Batch get(const WindowLoader& loader, std::uint64_t index, std::size_t size) {
  Batch batch{.inputs = std::vector<std::int32_t>(size, -7),
              .targets = std::vector<std::int32_t>(size, -7)};
  loader.micro_batch(index, batch.inputs, batch.targets);
  return batch;
}

TEST(WindowLoader, TargetsFollowInputsWithinTheStream) {
  const auto tokens = counting(1003);
  const WindowLoader loader(tokens, {.batch = 4, .context = 16, .seed = 1});
  for (std::uint64_t index = 0; index < 100; ++index) {
    const Batch batch = get(loader, index, 64);
    for (std::size_t i = 0; i < 64; ++i) {
      ASSERT_EQ(batch.targets[i], batch.inputs[i] + 1);
      ASSERT_GE(batch.inputs[i], 0);
      ASSERT_LT(batch.targets[i], 1003);
      if (i % 16 != 0) {
        ASSERT_EQ(batch.inputs[i], batch.inputs[i - 1] + 1);
      }
    }
  }
}

TEST(WindowLoader, IsAFunctionOfSeedAndIndex) {
  const auto tokens = counting(1003);
  const LoaderOptions options{.batch = 2, .context = 8, .seed = 5};
  const WindowLoader forwards(tokens, options);
  const WindowLoader backwards(tokens, options);
  std::map<std::uint64_t, Batch> first;
  for (std::uint64_t index = 0; index < 200; ++index) first[index] = get(forwards, index, 16);
  for (std::uint64_t index = 200; index-- > 0;) EXPECT_EQ(get(backwards, index, 16), first[index]);
  const WindowLoader other(tokens, {.batch = 2, .context = 8, .seed = 6});
  int same = 0;
  for (std::uint64_t index = 0; index < 200; ++index)
    same += get(other, index, 16) == first[index] ? 1 : 0;
  EXPECT_LT(same, 5);
}

TEST(WindowLoader, TheSamplesDoNotDependOnTheBatchSize) {
  const auto tokens = counting(500);
  const WindowLoader one(tokens, {.batch = 1, .context = 8, .seed = 3});
  const WindowLoader four(tokens, {.batch = 4, .context = 8, .seed = 3});
  std::vector<std::int32_t> joined;
  for (std::uint64_t index = 4; index < 8; ++index) {
    const Batch batch = get(one, index, 8);
    joined.insert(joined.end(), batch.inputs.begin(), batch.inputs.end());
  }
  EXPECT_EQ(get(four, 1, 32).inputs, joined);
}

/// The tokens at which the windows of an epoch begin.
std::set<std::int32_t> starts(const WindowLoader& loader, std::uint64_t epoch,
                              std::size_t context) {
  std::set<std::int32_t> found;
  const auto windows = static_cast<std::uint64_t>(loader.windows());
  for (std::uint64_t i = 0; i < windows; ++i)
    found.insert(get(loader, epoch * windows + i, context).inputs.front());
  return found;
}

TEST(WindowLoader, AnEpochVisitsEachWindowOnceWithoutOverlap) {
  const auto tokens = counting(1003);
  const WindowLoader loader(tokens, {.batch = 1, .context = 16, .seed = 1});
  EXPECT_EQ(loader.windows(), (1003 - 16) / 16);
  for (std::uint64_t epoch = 0; epoch < 20; ++epoch) {
    const auto found = starts(loader, epoch, 16);
    ASSERT_EQ(found.size(), static_cast<std::size_t>(loader.windows()));
    for (const std::int32_t start : found) ASSERT_EQ((start - *found.begin()) % 16, 0);
    ASSERT_EQ(*found.rbegin() - *found.begin(), 16 * (loader.windows() - 1));
  }
}

TEST(WindowLoader, EpochsCutAndOrderDifferently) {
  const auto tokens = counting(1003);
  const WindowLoader loader(tokens, {.batch = 1, .context = 16, .seed = 1});
  std::set<std::int32_t> offsets;
  std::set<std::int32_t> first_windows;
  std::set<std::int32_t> targets;
  const auto windows = static_cast<std::uint64_t>(loader.windows());
  for (std::uint64_t epoch = 0; epoch < 300; ++epoch) {
    offsets.insert(*starts(loader, epoch, 16).begin());
    first_windows.insert(get(loader, epoch * windows, 16).inputs.front());
    for (std::uint64_t i = 0; i < windows; ++i)
      for (const std::int32_t target : get(loader, epoch * windows + i, 16).targets)
        targets.insert(target);
  }
  EXPECT_GE(offsets.size(), 16u);
  EXPECT_GT(first_windows.size(), 150u);
  EXPECT_EQ(targets.size(), 1002u) << "every token but the first is predicted in some epoch";
}

TEST(WindowLoader, TheShortestStreamIsOneWindow) {
  const auto tokens = counting(17);
  const WindowLoader loader(tokens, {.batch = 3, .context = 16, .seed = 1});
  EXPECT_EQ(loader.windows(), 1);
  const Batch batch = get(loader, 1'000'000'007, 48);
  for (std::size_t i = 0; i < 48; ++i)
    EXPECT_EQ(batch.inputs[i], static_cast<std::int32_t>(i % 16));
}

TEST(WindowLoader, StreamsOfEveryLengthStayInBounds) {
  for (std::size_t n = 5; n < 40; ++n) {
    const auto tokens = counting(n);
    const WindowLoader loader(tokens, {.batch = 2, .context = 4, .seed = n});
    for (std::uint64_t index = 0; index < 200; ++index) {
      const Batch batch = get(loader, index, 8);
      for (std::size_t i = 0; i < 8; ++i) {
        ASSERT_GE(batch.inputs[i], 0);
        ASSERT_EQ(batch.targets[i], batch.inputs[i] + 1);
        ASSERT_LT(batch.targets[i], static_cast<std::int32_t>(n));
      }
    }
  }
}

TEST(WindowLoader, RejectsTooFewTokensAndWrongSpans) {
  const auto tokens = counting(16);
  EXPECT_THROW(WindowLoader(tokens, {.batch = 1, .context = 16}), Error);
  EXPECT_THROW(WindowLoader(tokens, {.batch = 0, .context = 4}), Error);
  EXPECT_THROW(WindowLoader(tokens, {.batch = 1, .context = 0}), Error);
  const WindowLoader loader(tokens, {.batch = 1, .context = 4});
  std::vector<std::int32_t> inputs(4);
  std::vector<std::int32_t> targets(3);
  EXPECT_THROW(loader.micro_batch(0, inputs, targets), Error);
}

}  // namespace
}  // namespace gptc::data

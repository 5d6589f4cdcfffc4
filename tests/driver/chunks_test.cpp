#include "tools/driver/chunks.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gptc::driver {
namespace {

using Lengths = std::vector<std::int64_t>;

const Lengths standing = {1, 16, 64, 256, 1024};

/// All chunks in which `count` tokens are read, where graphs of the lengths `ready` and perhaps of
/// `others` are there.
Lengths cut(std::int64_t count, const Lengths& ready, const Lengths& others,
            const ReadingCosts& costs) {
  std::vector<ChunkLength> lengths;
  for (const std::int64_t length : ready) lengths.push_back({length, true});
  for (const std::int64_t length : others) lengths.push_back({length, false});
  std::ranges::sort(lengths, {}, &ChunkLength::positions);
  Lengths chunks;
  for (; count > 0; count -= chunks.back()) chunks.push_back(next_chunk(count, lengths, costs));
  return chunks;
}

/// Where one more graph costs more than it saves.
Lengths cut(std::int64_t count, const Lengths& ready) {
  return cut(count, ready, {}, {.batch = 1, .graph = 1000});
}

TEST(Chunks, AreAsLongAsContextAndBatchAllow) {
  EXPECT_EQ(chunk_lengths(1024, 1), (Lengths{1, 16, 64, 256, 1024}));
  EXPECT_EQ(chunk_lengths(1023, 1), (Lengths{1, 16, 64, 256}));
  EXPECT_EQ(chunk_lengths(1024, 16), (Lengths{1, 16, 64}));
  EXPECT_EQ(chunk_lengths(1024, 1000), (Lengths{1, 16}));
  EXPECT_EQ(chunk_lengths(1, 1), Lengths{1});
}

TEST(Chunks, HoldATextWithLittleWaste) {
  const Lengths& lengths = standing;
  EXPECT_EQ(cut(1, lengths), Lengths{1});
  EXPECT_EQ(cut(8, lengths), Lengths{16});
  EXPECT_EQ(cut(44, lengths), Lengths{64});
  EXPECT_EQ(cut(65, lengths), (Lengths{64, 1}));
  EXPECT_EQ(cut(232, lengths), Lengths{256});
  EXPECT_EQ(cut(300, lengths), (Lengths{256, 64}));
  EXPECT_EQ(cut(700, lengths), (Lengths{256, 256, 64, 64, 64}));
  EXPECT_EQ(cut(1000, lengths), Lengths{1024});
  EXPECT_EQ(cut(2048, lengths), (Lengths{1024, 1024}));
}

TEST(Chunks, FitATextThatNoGraphFits) {
  const ReadingCosts costs = {.batch = 1, .graph = 19};
  const Lengths waiting = {16, 64, 256, 1024};
  EXPECT_EQ(cut(1, {1}, waiting, costs), Lengths{1});
  EXPECT_EQ(cut(8, {1}, waiting, costs), Lengths{8});
  EXPECT_EQ(cut(100, {1}, waiting, costs), Lengths{104});
  EXPECT_EQ(cut(1000, {1}, waiting, costs), Lengths{1000});
  EXPECT_EQ(cut(1700, {1}, waiting, costs), (Lengths{1024, 680}));
  // Once all are there, only where it pays.
  EXPECT_EQ(cut(44, standing, {}, costs), Lengths{64});
  EXPECT_EQ(cut(700, standing, {}, costs), Lengths{704});
  EXPECT_EQ(cut(1000, standing, {}, costs), Lengths{1000});
  EXPECT_EQ(cut(1010, standing, {}, costs), Lengths{1024});
}

TEST(Chunks, OfALengthThatIsThereServeShorterTexts) {
  const ReadingCosts costs = {.batch = 1, .graph = 19};
  EXPECT_EQ(cut(98, {1, 104}, {16, 64, 256, 1024}, costs), Lengths{104});
  EXPECT_EQ(cut(40, {1, 104}, {16, 64, 256, 1024}, costs), Lengths{40});
}

TEST(Chunks, OfManyTextsWasteMore) {
  EXPECT_EQ(cut(40, {1, 16, 64}, {}, {.batch = 1, .graph = 40}), Lengths{64});
  EXPECT_EQ(cut(40, {1, 16, 64}, {}, {.batch = 16, .graph = 40}), Lengths{40});
}

TEST(Chunks, OfOneTokenReadAnything) { EXPECT_EQ(cut(3, Lengths{1}), (Lengths{1, 1, 1})); }

}  // namespace
}  // namespace gptc::driver

#include "tools/driver/chunks.h"

#include <gtest/gtest.h>

namespace gptc::driver {
namespace {

using Lengths = std::vector<std::int64_t>;

/// All chunks in which `count` tokens are read.
Lengths cut(std::int64_t count, const Lengths& lengths) {
  Lengths chunks;
  for (; count > 0; count -= chunks.back()) chunks.push_back(next_chunk(count, lengths));
  return chunks;
}

TEST(Chunks, AreAsLongAsContextAndBatchAllow) {
  EXPECT_EQ(chunk_lengths(1024, 1), (Lengths{1, 16, 64, 256, 1024}));
  EXPECT_EQ(chunk_lengths(1023, 1), (Lengths{1, 16, 64, 256}));
  EXPECT_EQ(chunk_lengths(1024, 16), (Lengths{1, 16, 64}));
  EXPECT_EQ(chunk_lengths(1024, 1000), (Lengths{1, 16}));
  EXPECT_EQ(chunk_lengths(1, 1), Lengths{1});
}

TEST(Chunks, HoldATextWithLittleWaste) {
  const Lengths lengths = {1, 16, 64, 256, 1024};
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

TEST(Chunks, OfOneTokenReadAnything) { EXPECT_EQ(cut(3, Lengths{1}), (Lengths{1, 1, 1})); }

}  // namespace
}  // namespace gptc::driver

#include "frontend/tokenizer/explain.h"

#include <gtest/gtest.h>

#include "tests/tokenizer/test_support.h"

namespace gptc::tokenizer::testing {
namespace {

TEST(Explain, GivesTheMergesInTheOrderOfTheirRanks) {
  const auto pieces = explain(gpt2(), " tide");
  ASSERT_EQ(pieces.size(), 1U);
  const ExplainedPiece& piece = pieces[0];
  EXPECT_EQ(piece.bytes.size(), 5U);
  ASSERT_FALSE(piece.steps.empty());
  EXPECT_EQ(gpt2().merge_text(piece.steps[0].rank), "\xC4\xA0 t");  // rank 0 of GPT-2
  EXPECT_EQ(piece.steps[0].place, 0U);
  EXPECT_EQ(piece.ids, gpt2().encode(" tide"));
}

TEST(Explain, ComesToTheIdsOfEncode) {
  std::mt19937 random(8);
  for (int round = 0; round < 300; ++round) {
    const std::string text =
        round % 2 == 0 ? random_bytes(random, 60) : random_text(random, "the lows  \n'1", 80);
    std::vector<std::int32_t> ids;
    std::size_t at = 0;
    for (const ExplainedPiece& piece : explain(gpt2(), text)) {
      EXPECT_EQ(piece.begin, at);
      EXPECT_EQ(piece.bytes.size(), piece.end - piece.begin);
      EXPECT_EQ(piece.bytes.size() - piece.steps.size(), piece.ids.size());
      at = piece.end;
      ids.insert(ids.end(), piece.ids.begin(), piece.ids.end());
    }
    EXPECT_EQ(at, text.size());
    EXPECT_EQ(ids, gpt2().encode(text));
  }
}

TEST(Explain, TakesNoLongPieces) {
  EXPECT_NO_THROW(explain(gpt2(), std::string(kLongestExplained, 'a')));
  EXPECT_THROW(explain(gpt2(), std::string(kLongestExplained + 1, 'a')), Error);
}

}  // namespace
}  // namespace gptc::tokenizer::testing

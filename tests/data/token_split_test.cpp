#include "frontend/data/token_split.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "frontend/data/error.h"
#include "tests/formats/temp_folder.h"

namespace gptc::data {
namespace {

using gptc::testing::message_of;

std::vector<std::int32_t> counting(std::size_t n) {
  std::vector<std::int32_t> tokens(n);
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}

std::int32_t token(const TokenView& tokens, std::uint64_t index) {
  std::int32_t id = 0;
  tokens.read(index, std::span(&id, 1));
  return id;
}

TEST(TokenSplit, TakesTheEndForValidation) {
  const auto tokens = counting(1009);
  const TokenSplit split = split_tokens(tokens, {.validation_fraction = 0.1, .context = 16});
  ASSERT_EQ(split.train.size(), 909u);
  ASSERT_EQ(split.validation.size(), 100u);
  EXPECT_EQ(token(split.train, 0), 0);
  EXPECT_EQ(token(split.train, 908), 908);
  EXPECT_EQ(token(split.validation, 0), 909);
  EXPECT_EQ(token(split.validation, 99), 1008);
}

TEST(TokenSplit, NoValidationWhenNoneIsAskedFor) {
  const auto tokens = counting(17);
  const TokenSplit split = split_tokens(tokens, {.validation_fraction = 0, .context = 16});
  EXPECT_EQ(split.train.size(), 17u);
  EXPECT_TRUE(split.validation.empty());
}

TEST(TokenSplit, SaysHowManyTokensThereAreAndAreNeeded) {
  const auto why = [](std::size_t n, double fraction) {
    const auto tokens = counting(n);
    return message_of<Error>(
        [&] { (void)split_tokens(tokens, {.validation_fraction = fraction, .context = 16}); });
  };
  EXPECT_EQ(why(169, 0.1),
            "the data has 169 tokens, 153 to train and 16 to validate, but one context of 16 needs "
            "17 of each; give "
            "more text or a shorter context");
  EXPECT_EQ(why(16, 0),
            "the data has 16 tokens, 16 to train and 0 to validate, but one context of 16 needs "
            "17; give more text or "
            "a shorter context");
  EXPECT_NE(why(100, 0.9).find("10 to train"), std::string::npos);
  EXPECT_NE(why(0, 0.5).find("0 tokens"), std::string::npos);
}

TEST(TokenSplit, ExactlyEnoughIsEnough) {
  const auto tokens = counting(34);
  EXPECT_EQ(split_tokens(tokens, {.validation_fraction = 0.5, .context = 16}).validation.size(),
            17u);
}

TEST(TokenSplit, RejectsOptionsOutOfRange) {
  const auto tokens = counting(100);
  for (const double fraction : {-0.1, 1.0, std::nan("")})
    EXPECT_THROW((void)split_tokens(tokens, {.validation_fraction = fraction, .context = 4}), Error)
        << fraction;
  EXPECT_THROW((void)split_tokens(tokens, {.context = 0}), Error);
}

}  // namespace
}  // namespace gptc::data

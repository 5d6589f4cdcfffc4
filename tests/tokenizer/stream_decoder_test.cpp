#include <gtest/gtest.h>

#include "frontend/tokenizer/utf8.h"
#include "tests/tokenizer/test_support.h"

namespace gptc::tokenizer::testing {
namespace {

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Step step = utf8_step(text, at);
    if (step.status != Utf8Status::valid) return false;
    at += step.length;
  }
  return true;
}

TEST(StreamDecoder, holds_back_an_incomplete_character) {
  StreamDecoder stream(gpt2());
  EXPECT_EQ(stream.push(15496), "Hello");
  EXPECT_EQ(stream.push(47249), "") << "F0 9F 98";
  EXPECT_EQ(stream.push(222), "\U0001F600") << "80 completes it";
  EXPECT_EQ(stream.push(33768), "") << "E6 97";
  EXPECT_EQ(stream.push(0), "\uFFFD!") << "what cannot be completed any more is replaced";
  EXPECT_EQ(stream.push(8582), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.finish(), "");
}

TEST(StreamDecoder, unknown_ids_are_errors) {
  StreamDecoder stream(gpt2());
  EXPECT_THROW(stream.push(50257), Error);
  EXPECT_THROW(stream.push(-1), Error);
}

TEST(ReplaceInvalidUtf8, replaces_every_longest_invalid_part_once) {
  const std::string mark = "\uFFFD";
  EXPECT_EQ(replace_invalid_utf8(""), "");
  EXPECT_EQ(replace_invalid_utf8("caf\u00E9 \U0001F600"), "caf\u00E9 \U0001F600");
  EXPECT_EQ(replace_invalid_utf8("\xE2\x82"
                                 "A"),
            mark + "A");
  EXPECT_EQ(replace_invalid_utf8("\xF0\x80\x80"), mark + mark + mark);
  EXPECT_EQ(replace_invalid_utf8("\xED\xA0\x80"), mark + mark + mark);
  EXPECT_EQ(replace_invalid_utf8("\xF0\x9F\x98"), mark);
  EXPECT_EQ(replace_invalid_utf8("\xC3(\xFF"), mark + "(" + mark);
  EXPECT_EQ(replace_invalid_utf8("\xF4\x90\x80\x80"), mark + mark + mark + mark);
  EXPECT_EQ(replace_invalid_utf8("a\xE2\x82\xE2\x82\xAC"), "a" + mark + "\u20AC");
}

TEST(StreamDecoder, gives_valid_text_whatever_the_tokens) {
  std::mt19937 random(9);
  for (int round = 0; round < 2000; ++round) {
    const auto ids = gpt2().encode(random_bytes(random, random() % 40));
    StreamDecoder stream(gpt2());
    std::string joined;
    for (const std::int32_t id : ids) {
      const std::string text = stream.push(id);
      ASSERT_TRUE(is_utf8(text));
      joined += text;
    }
    joined += stream.finish();
    ASSERT_EQ(joined, replace_invalid_utf8(gpt2().decode(ids)));
    ASSERT_EQ(stream.finish(), "");
  }
}

}  // namespace
}  // namespace gptc::tokenizer::testing

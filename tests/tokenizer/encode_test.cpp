#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "frontend/tokenizer/vocabulary.h"
#include "tests/tokenizer/test_support.h"

namespace gptc::tokenizer::testing {
namespace {

using Ids = std::vector<std::int32_t>;

TEST(Encode, golden_vectors) {
  const std::vector<std::pair<std::string, Ids>> cases = {
      {"", {}},
      {"Hello, world!", {15496, 11, 995, 0}},
      {" Hello", {18435}},
      {"  Hello", {220, 18435}},
      {"   Hello world  ", {220, 220, 18435, 995, 220, 220}},
      {"a\n\n\nb", {64, 628, 198, 65}},
      {"a\t\tb", {64, 197, 197, 65}},
      {"a \n b", {64, 220, 198, 275}},
      {"\r\n", {201, 198}},
      {"don't DON'T can't we'll I'M", {9099, 470, 23917, 6, 51, 460, 470, 356, 1183, 314, 6, 44}},
      {"3.14159 1234567890", {18, 13, 1415, 19707, 17031, 2231, 30924, 3829}},
      {"na\u00EFve caf\u00E9", {2616, 38776, 40304}},
      {"\u65E5\u672C\u8A9E", {33768, 98, 17312, 105, 45739, 252}},
      {"\U0001F600\U0001F44D\U0001F3FD", {47249, 222, 41840, 235, 8582, 237, 121}},
      {"\u00A0x", {1849, 87}},
      {"x\u3000y", {87, 5099, 222, 88}},
      {"x\xC2\x85y", {87, 126, 227, 88}},
      {"def f(x):\n    return x", {4299, 277, 7, 87, 2599, 198, 220, 220, 220, 1441, 2124}},
      {"''s", {7061, 82}},
      {std::string("\0\1", 2), {188, 189}},
      {"\u00B2\u00BD\u2167\u0663", {31185, 23141, 158, 227, 100, 149, 96}},
      {"<|endoftext|>", {27, 91, 437, 1659, 5239, 91, 29}},
      {"\xAD", {255}},
  };
  for (const auto& [text, ids] : cases) {
    EXPECT_EQ(gpt2().encode(text), ids) << text;
    EXPECT_EQ(gpt2().decode(ids), text);
  }
}

TEST(Encode, vectors_of_tiktoken_and_tokenizers_over_many_scripts) {
  const auto vectors = nlohmann::json::parse(read_fixture("vectors.json"));
  ASSERT_GT(vectors.size(), 100u);
  for (const auto& vector : vectors) {
    const auto text = vector.at("text").get<std::string>();
    EXPECT_EQ(gpt2().encode(text), vector.at("ids").get<Ids>()) << text;
  }
}

/// GPT-2's merges with another pattern.
Tokenizer gpt2_with(Pattern pattern) {
  const Vocabulary& gpt2s = gpt2().vocabulary();
  std::vector<std::string> tokens;
  for (std::int32_t id = 0; id < gpt2s.size(); ++id) tokens.emplace_back(gpt2s.bytes(id));
  return Tokenizer(std::make_shared<const Vocabulary>(
      std::move(tokens), std::vector<Merge>(gpt2s.merges().begin(), gpt2s.merges().end()),
      pattern));
}

TEST(Encode, vectors_of_tiktoken_on_random_strings_with_two_patterns) {
  const Tokenizer gpt4 = gpt2_with(Pattern::gpt4);
  const auto vectors = nlohmann::json::parse(read_fixture("vectors_random.json"));
  ASSERT_GT(vectors.size(), 400u);
  for (const auto& vector : vectors) {
    const auto text = vector.at("text").get<std::string>();
    EXPECT_EQ(gpt2().encode(text), vector.at("gpt2").get<Ids>()) << text;
    EXPECT_EQ(gpt4.encode(text), vector.at("gpt4").get<Ids>()) << text;
  }
}

TEST(Encode, any_bytes_round_trip) {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    const std::string text = random_bytes(random, random() % 200);
    ASSERT_EQ(gpt2().decode(gpt2().encode(text)), text);
  }
}

TEST(Encode, every_ordinary_token_that_is_text_encodes_to_itself) {
  int not_text = 0;
  for (std::int32_t id = 0; id < *gpt2().end_of_text(); ++id) {
    const std::string_view bytes = gpt2().token_bytes(id);
    if (replace_invalid_utf8(bytes) == bytes) {
      ASSERT_EQ(gpt2().encode(bytes), Ids{id});
    } else {
      ++not_text;
    }
  }
  EXPECT_EQ(not_text, 344);
}

TEST(Encode, special_tokens_only_where_asked_for) {
  const EncodeOptions recognised{.special = SpecialTokens::recognised};
  EXPECT_EQ(gpt2().end_of_text(), 50256);
  EXPECT_EQ(gpt2().encode("a<|endoftext|>", recognised), (Ids{64, 50256}));
  EXPECT_EQ(gpt2().encode("<|endoftext|><|endoftext|> Hello", recognised),
            (Ids{50256, 50256, 18435}));
  EXPECT_EQ(gpt2().encode("a  <|endoftext|>", recognised), (Ids{64, 220, 220, 50256}))
      << "the text ends at a special token";
  EXPECT_EQ(gpt2().encode("<|endoftext", recognised), gpt2().encode("<|endoftext"));
  EXPECT_EQ(gpt2().decode(Ids{64, 50256}), "a<|endoftext|>");
}

TEST(Encode, facts_about_the_vocabulary) {
  EXPECT_EQ(gpt2().vocab_size(), 50257);
  EXPECT_EQ(gpt2().merge_count(), 50000);
  EXPECT_EQ(gpt2().token_bytes(0), "!");
  EXPECT_EQ(gpt2().token_bytes(187), "\xFF");
  EXPECT_EQ(gpt2().token_bytes(188), std::string(1, '\0'));
  EXPECT_EQ(gpt2().token_bytes(198), "\n");
  EXPECT_EQ(gpt2().token_bytes(220), " ");
  EXPECT_EQ(gpt2().token_bytes(35496).size(), 128u);
  EXPECT_EQ(gpt2().token_text(18435), "\u0120Hello");
  EXPECT_EQ(gpt2().token_text(50256), "<|endoftext|>");
  EXPECT_EQ(gpt2().merge_text(0), "\u0120 t");
  EXPECT_EQ(gpt2().merge_text(1979), "# #") << "line 1981 is a merge, not a comment";
  EXPECT_EQ(gpt2().encode("####"), Ids{4242});
}

TEST(Encode, ids_out_of_range_are_errors) {
  for (const std::int32_t id : {-1, 50257}) {
    EXPECT_THROW(gpt2().decode(Ids{0, id}), Error);
    EXPECT_THROW(gpt2().token_bytes(id), Error);
    EXPECT_THROW(gpt2().token_text(id), Error);
  }
  EXPECT_THROW(gpt2().merge_text(50000), Error);
}

TEST(Encode, worst_cases_end_soon) {
  constexpr std::size_t kSize = 1'000'000;
  for (const std::string unit : {"a", " ", "\n", "ab", "\xE6\x97\xA5", "\xFF", "'s", "the"}) {
    std::string text;
    while (text.size() < kSize) text += unit;
    const Ids ids = gpt2().encode(text);
    EXPECT_EQ(gpt2().decode(ids), text);
  }
  std::mt19937 random(2);
  const std::string word = random_text(random, "abcdefghijklmnopqrstuvwxyz", kSize);
  EXPECT_EQ(gpt2().decode(gpt2().encode(word)), word);
}

}  // namespace
}  // namespace gptc::tokenizer::testing

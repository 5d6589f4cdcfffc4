#include "frontend/tokenizer/piece_scanner.h"

#include <gtest/gtest.h>

#include "frontend/tokenizer/block_steps.h"
#include "frontend/tokenizer/utf8.h"
#include "frontend/tokenizer/vocabulary.h"
#include "tests/tokenizer/test_support.h"

namespace gptc::tokenizer::testing {
namespace {

std::vector<std::size_t> ends_by_rule(Pattern pattern, std::string_view text) {
  std::vector<std::size_t> ends;
  std::size_t end = 0;
  for (const std::string& piece : pieces(text, pattern)) ends.push_back(end += piece.size());
  return ends;
}

std::vector<std::size_t> ends_of(PieceScanner scanner, std::size_t room = 200) {
  std::vector<std::size_t> all;
  std::vector<std::size_t> ends(room);
  for (std::size_t count = 0; (count = scanner.next(ends)) > 0;) {
    all.insert(all.end(), ends.begin(), ends.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return all;
}

/// Characters that matter to the patterns, of all classes and lengths, and broken ones.
std::string random_characters(std::mt19937& random, std::size_t count) {
  static const std::string_view kCharacters[] = {"a",          "s",
                                                 "t",          "l",
                                                 "r",          "e",
                                                 "v",          "S",
                                                 "1",          " ",
                                                 " ",          " ",
                                                 "\n",         "\r",
                                                 "\t",         "'",
                                                 "'",          ".",
                                                 "\0",         "\u00E9",
                                                 "\u0416",     "\u4E2D",
                                                 "\u3042",     "\U00020000",
                                                 "\u0663",     "\u2167",
                                                 "\U0001D7D8", "\u00A0",
                                                 "\u3000",     "\u2003",
                                                 "\u0085",     "\u0301",
                                                 "\u3002",     "\U0001F600",
                                                 "\x80",       "\xC3",
                                                 "\xE4\xB8",   "\xF0\x9F\x98",
                                                 "\xFF",       "\xED\xA0\x80"};
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += kCharacters[random() % std::size(kCharacters)];
  return text;
}

TEST(PieceScanner, finds_the_pieces_of_the_rule) {
  std::mt19937 random(21);
  for (int round = 0; round < 6000; ++round) {
    std::string text = random_characters(random, random() % 300);
    // Runs, so that pieces cross blocks.
    text.insert(random() % (text.size() + 1), std::string(random() % 150, "a '1\n"[random() % 5]));
    for (const Pattern pattern : {Pattern::gpt2, Pattern::gpt4, Pattern::none}) {
      const auto expected = ends_by_rule(pattern, text);
      for (const BlockSteps& steps : BlockSteps::all()) {
        ASSERT_EQ(ends_of(PieceScanner(pattern, text, steps)), expected) << steps.name << text;
      }
    }
  }
}

TEST(PieceScanner, contractions_and_blanks_at_every_place_of_a_block) {
  for (std::size_t before = 0; before < 140; ++before) {
    for (const std::string_view middle :
         {"'s", "'ll", "'re", "'t's", " 's", "''s", "'lx", "\u3000b", "  b", "\u00A0 \u2003b",
          "\n\n", "'", "x's", "\u00E9's"}) {
      for (const std::string_view after : {"", "x", " x", "'s", "\u4E2D", " "}) {
        const std::string text =
            std::string(before, 'a') + std::string(middle) + std::string(after);
        const auto expected = ends_by_rule(Pattern::gpt2, text);
        for (const BlockSteps& steps : BlockSteps::all()) {
          ASSERT_EQ(ends_of(PieceScanner(Pattern::gpt2, text, steps)), expected)
              << steps.name << text;
        }
      }
    }
  }
}

TEST(PieceScanner, any_room_gives_the_same) {
  std::mt19937 random(22);
  const std::string text = random_characters(random, 3000);
  const auto expected = ends_by_rule(Pattern::gpt2, text);
  for (const std::size_t more : {0u, 1u, 30u, 55u, 56u, 63u, 64u, 65u, 900u, 5000u}) {
    const std::size_t room = PieceScanner::kLeastRoom + more;
    for (const BlockSteps& steps : BlockSteps::all()) {
      EXPECT_EQ(ends_of(PieceScanner(Pattern::gpt2, text, steps), room), expected) << room;
    }
  }
}

TEST(PieceScanner, further_cuts_stand_where_no_token_joins) {
  std::mt19937 random(23);
  const std::string text = random_characters(random, 3000);
  const Vocabulary& vocabulary = gpt2().vocabulary();
  const auto rule = ends_by_rule(Pattern::gpt2, text);
  const auto ends = ends_of(PieceScanner(text, vocabulary));
  EXPECT_TRUE(std::includes(ends.begin(), ends.end(), rule.begin(), rule.end()));
  std::size_t further = 0;
  for (const std::size_t end : ends) {
    if (std::binary_search(rule.begin(), rule.end(), end)) continue;
    ++further;
    ASSERT_FALSE(vocabulary.joins(text[end - 1], text[end]));
  }
  EXPECT_GT(further, 10u);
}

TEST(PieceScanner, long_runs_of_spaces_are_cut_where_spaces_never_join) {
  Learner learner({.vocab_size = 258, .min_frequency = 1});
  learner.add("x" + std::string(40, ' ') + "x");
  const Tokenizer joining = learner.finish();
  ASSERT_TRUE(joining.vocabulary().joins(' ', ' '));
  ASSERT_FALSE(gpt2().vocabulary().joins(' ', ' '));
  for (std::size_t before = 0; before < 70; before += 3) {
    for (const std::size_t spaces : {1u, 2u, 4u, 5u, 8u, 15u, 16u, 17u, 63u, 64u, 65u, 200u}) {
      const std::string text = std::string(before, 'a') + std::string(spaces, ' ') + "bcd";
      const auto rule = ends_by_rule(Pattern::gpt2, text);
      EXPECT_EQ(ends_of(PieceScanner(text, joining.vocabulary())), rule);
      std::size_t begin = 0;
      for (const std::size_t end : ends_of(PieceScanner(text, gpt2().vocabulary()))) {
        if (text[begin] == ' ') {
          EXPECT_LE(end - begin, 4u) << text;
        }
        begin = end;
      }
      EXPECT_EQ(begin, text.size());
    }
  }
}

class BlockStepsOf : public ::testing::TestWithParam<BlockSteps> {};
INSTANTIATE_TEST_SUITE_P(Processor, BlockStepsOf, ::testing::ValuesIn(BlockSteps::all()),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST_P(BlockStepsOf, masks_tell_every_byte_at_every_place) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    for (unsigned place = 0; place < 64; ++place) {
      std::string text(64, '\x01');
      text[place] = static_cast<char>(byte);
      const ByteMasks masks = GetParam().masks(text.data());
      const std::uint64_t bit = std::uint64_t{1} << place;
      const auto when = [&](bool is) { return is ? bit : 0; };
      const bool upper = byte >= 'A' && byte <= 'Z';
      const bool lower = byte >= 'a' && byte <= 'z';
      ASSERT_EQ(masks.letter, when(upper || lower)) << byte;
      ASSERT_EQ(masks.number, when(byte >= '0' && byte <= '9')) << byte;
      ASSERT_EQ(masks.blank, when(byte == ' ' || (byte >= 9 && byte <= 13))) << byte;
      ASSERT_EQ(masks.space, when(byte == ' ')) << byte;
      ASSERT_EQ(masks.apostrophe, when(byte == '\'')) << byte;
      ASSERT_EQ(masks.high, when(byte >= 128)) << byte;
    }
  }
}

TEST_P(BlockStepsOf, bits_are_written_in_order) {
  std::mt19937_64 random(24);
  for (unsigned round = 0; round < 2000; ++round) {
    std::uint64_t bits = random();
    for (unsigned fewer = round % 5; fewer > 0; --fewer) bits &= random();
    if (round < 3) bits = round == 0 ? 0 : round == 1 ? ~std::uint64_t{0} : std::uint64_t{1} << 63;
    const std::size_t base = random() >> 1;
    std::vector<std::size_t> expected;
    for (std::size_t i = 0; i < 64; ++i) {
      if ((bits >> i & 1) != 0) expected.push_back(base + i);
    }
    std::vector<std::size_t> found(64 + BlockSteps::kBeyond + 1, 7);
    std::size_t* const end = GetParam().write_bits(bits, base, found.data());
    const std::size_t beyond = expected.size() + BlockSteps::kBeyond;
    ASSERT_TRUE(std::all_of(found.begin() + static_cast<std::ptrdiff_t>(beyond), found.end(),
                            [](std::size_t place) { return place == 7; }));
    found.resize(static_cast<std::size_t>(end - found.data()));
    ASSERT_EQ(found, expected);
  }
}

TEST(WideMasks, tell_every_byte_at_every_place) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    for (unsigned at = 0; at < 64; ++at) {
      std::string block(64, 'a');
      block[at] = static_cast<char>(byte);
      const WideMasks masks = wide_masks(block.data());
      const bool three = byte > 0xE0 && byte < 0xF0 && byte != 0xED;
      ASSERT_EQ(masks.continuation, std::uint64_t{byte >= 0x80 && byte < 0xC0} << at) << byte;
      ASSERT_EQ(masks.first_of_three, std::uint64_t{three} << at) << byte;
      ASSERT_EQ(masks.of_letters & ~masks.first_of_three, 0u) << byte;
      if (masks.of_letters == 0) continue;
      const char32_t first = (byte & 0xF) << 12;
      for (char32_t code_point = first; code_point < first + 0x1000; ++code_point) {
        ASSERT_EQ(ClassTable::get().of(code_point), CharClass::letter) << byte;
      }
    }
  }
}

}  // namespace
}  // namespace gptc::tokenizer::testing

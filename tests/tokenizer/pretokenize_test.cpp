#include "frontend/tokenizer/pretokenize.h"

#include <gtest/gtest.h>

#include "frontend/tokenizer/unicode_classes.h"
#include "tests/tokenizer/test_support.h"

namespace gptc::tokenizer::testing {
namespace {

using Pieces = std::vector<std::string>;

TEST(Pretokenize, contractions_are_case_sensitive) {
  EXPECT_EQ(pieces("don't"), (Pieces{"don", "'t"}));
  EXPECT_EQ(pieces("DON'T"), (Pieces{"DON", "'", "T"}));
  EXPECT_EQ(
      pieces("I'll we've you're I'm he'd it's"),
      (Pieces{"I", "'ll", " we", "'ve", " you", "'re", " I", "'m", " he", "'d", " it", "'s"}));
  EXPECT_EQ(pieces("x'lx'rx'v"), (Pieces{"x", "'", "lx", "'", "rx", "'", "v"}));
  EXPECT_EQ(pieces("x'"), (Pieces{"x", "'"}));
  EXPECT_EQ(pieces("'tis"), (Pieces{"'t", "is"}));
  EXPECT_EQ(pieces("''s"), (Pieces{"''", "s"}));
  EXPECT_EQ(pieces(" 's"), (Pieces{" '", "s"}));
}

TEST(Pretokenize, the_last_space_joins_the_word_and_no_other_blank_does) {
  EXPECT_EQ(pieces("  Hello"), (Pieces{" ", " Hello"}));
  EXPECT_EQ(pieces("a\n\n\nb"), (Pieces{"a", "\n\n", "\n", "b"}));
  EXPECT_EQ(pieces("a\t\tb"), (Pieces{"a", "\t", "\t", "b"}));
  EXPECT_EQ(pieces("a \n b"), (Pieces{"a", " \n", " b"}));
  EXPECT_EQ(pieces("a\xC2\xA0\xC2\xA0!"), (Pieces{"a", "\xC2\xA0", "\xC2\xA0", "!"}));
  EXPECT_EQ(pieces("a\xE3\x80\x80 b"), (Pieces{"a", "\xE3\x80\x80", " b"}));
}

TEST(Pretokenize, blanks_at_the_end_stay_together) {
  EXPECT_EQ(pieces("a  \t\n"), (Pieces{"a", "  \t\n"}));
  EXPECT_EQ(pieces("   "), (Pieces{"   "}));
  EXPECT_EQ(pieces(" "), (Pieces{" "}));
  EXPECT_EQ(pieces(""), Pieces{});
}

TEST(Pretokenize, letters_numbers_and_the_rest_part) {
  EXPECT_EQ(pieces("abc123!?x"), (Pieces{"abc", "123", "!?", "x"}));
  EXPECT_EQ(pieces(" abc 123 !?"), (Pieces{" abc", " 123", " !?"}));
  EXPECT_EQ(pieces("e\xCC\x81x"), (Pieces{"e", "\xCC\x81", "x"}))
      << "a combining mark is no letter";
  EXPECT_EQ(pieces("\xC2\xB2\xE2\x85\xA7"), (Pieces{"\xC2\xB2\xE2\x85\xA7"})) << "numbers";
  EXPECT_EQ(pieces("a\xE2\x80\x8B\xEF\xBB\xBF"), (Pieces{"a", "\xE2\x80\x8B\xEF\xBB\xBF"}))
      << "U+200B and U+FEFF are no blanks";
  EXPECT_EQ(pieces("a\x1C\x1F"), (Pieces{"a", "\x1C\x1F"})) << "nor are U+001C to U+001F";
}

TEST(Pretokenize, a_byte_that_is_not_utf8_is_a_character_of_the_rest) {
  EXPECT_EQ(pieces("a\xFF\x80 \xC3"), (Pieces{"a", "\xFF\x80", " \xC3"}));
  EXPECT_EQ(pieces("a\xC3z"), (Pieces{"a", "\xC3", "z"}));
  EXPECT_EQ(pieces("\xED\xA0\x80!"), (Pieces{"\xED\xA0\x80!"})) << "a surrogate";
  EXPECT_EQ(pieces("\xC0\xA0x"), (Pieces{"\xC0\xA0", "x"})) << "an overlong form of a space";
}

TEST(Pretokenize, gpt4_joins_signs_and_cuts_numbers_and_lines) {
  const auto cut = [](std::string_view text) { return pieces(text, Pattern::gpt4); };
  EXPECT_EQ(cut("don't DON'T"), (Pieces{"don", "'t", " DON", "'T"}));
  EXPECT_EQ(cut("I'Ve we'lL x'\u017F"), (Pieces{"I", "'Ve", " we", "'lL", " x", "'\u017F"}));
  EXPECT_EQ(cut("1234567 89"), (Pieces{"123", "456", "7", " ", "89"}));
  EXPECT_EQ(cut(".abc!!\n\nx"), (Pieces{".abc", "!!\n\n", "x"}));
  EXPECT_EQ(cut("a \n \n  b"), (Pieces{"a", " \n \n", " ", " b"}));
  EXPECT_EQ(cut("\tif\t\tx"), (Pieces{"\tif", "\t", "\tx"}));
  EXPECT_EQ(cut("a !b  "), (Pieces{"a", " !", "b", "  "}));
  EXPECT_EQ(cut("\n  "), (Pieces{"\n", "  "}));
  EXPECT_EQ(cut("  \r"), (Pieces{"  \r"}));
  EXPECT_EQ(cut("\xFFz\xFF"), (Pieces{"\xFFz", "\xFF"}));
}

TEST(Pretokenize, no_pattern_leaves_the_document_whole) {
  EXPECT_EQ(pieces("two words\n", Pattern::none), (Pieces{"two words\n"}));
  EXPECT_EQ(safe_cut(Pattern::none, "two words", 1), 9u);
  EXPECT_EQ(last_safe_cut(Pattern::none, "two words and more"), 0u);
}

TEST(Pretokenize, patterns_have_names) {
  for (const Pattern pattern : {Pattern::gpt2, Pattern::gpt4, Pattern::none}) {
    EXPECT_EQ(pattern_of(pattern_name(pattern)), pattern);
  }
  EXPECT_EQ(pattern_of("gpt5"), std::nullopt);
  EXPECT_EQ(pattern_regex(Pattern::none), "");
}

class SafeCut : public ::testing::TestWithParam<Pattern> {};

TEST_P(SafeCut, changes_no_piece) {
  std::mt19937 random(3);
  int cuts = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string text = random_text(random, "ab'stlL1. \n\t\xC2\xA0\xE3\x80\x97\xE6", 40);
    const std::size_t cut = round % 2 == 0 ? safe_cut(GetParam(), text, random() % 40)
                                           : last_safe_cut(GetParam(), text);
    if (cut > 0 && cut < text.size()) ++cuts;
    // Whatever follows what last_safe_cut saw must not matter.
    if (round % 2 == 1) text += random_text(random, "as1\n \x97\x80", 6);
    Pieces parts = pieces(text.substr(0, cut), GetParam());
    for (std::string& piece : pieces(text.substr(cut), GetParam())) {
      parts.push_back(std::move(piece));
    }
    ASSERT_EQ(parts, pieces(text, GetParam()));
  }
  EXPECT_GT(cuts, 2500);
}

INSTANTIATE_TEST_SUITE_P(Patterns, SafeCut, ::testing::Values(Pattern::gpt2, Pattern::gpt4),
                         [](const auto& row) { return std::string(pattern_name(row.param)); });

TEST(UnicodeClasses, table_expands_to_the_counts_of_unicode_16) {
  const ClassTable& table = ClassTable::get();
  std::array<int, 4> counts{};
  for (char32_t code_point = 0; code_point < 0x110000; ++code_point) {
    ++counts[static_cast<std::size_t>(table.of(code_point))];
  }
  EXPECT_EQ(counts[1], 141028);
  EXPECT_EQ(counts[2], 1911);
  EXPECT_EQ(counts[3], 25);
  for (const char32_t blank : {0x09u, 0x0Du, 0x20u, 0x85u, 0xA0u, 0x1680u, 0x2000u, 0x200Au,
                               0x2028u, 0x2029u, 0x202Fu, 0x205Fu, 0x3000u}) {
    EXPECT_EQ(table.of(blank), CharClass::space) << std::uint32_t{blank};
  }
}

}  // namespace
}  // namespace gptc::tokenizer::testing

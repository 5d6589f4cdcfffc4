#include "frontend/tokenizer/bpe.h"

#include <gtest/gtest.h>

#include "frontend/tokenizer/vocabulary_files.h"
#include "tests/tokenizer/test_support.h"

namespace gptc::tokenizer::testing {
namespace {

using Ids = std::vector<std::int32_t>;

/// The rule taken literally: find the lowest rank, merge its leftmost place, start again.
Ids merge_by_the_book(const Vocabulary& vocabulary, std::string_view piece) {
  Ids ids;
  for (const char byte : piece) {
    ids.push_back(vocabulary.byte_token(static_cast<unsigned char>(byte)));
  }
  for (;;) {
    std::uint32_t lowest = PairMap::kMissing;
    std::size_t place = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const std::uint32_t rank = vocabulary.rank(ids[i], ids[i + 1]);
      if (rank < lowest) {
        lowest = rank;
        place = i;
      }
    }
    if (lowest == PairMap::kMissing) return ids;
    ids[place] = vocabulary.merges()[lowest].result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
}

TEST(Bpe, short_and_long_pieces_follow_the_rule) {
  std::mt19937 random(5);
  for (const std::string_view alphabet : {"a", "ab", "abc", "abcdefgh"}) {
    const std::string document = random_text(random, alphabet, 3000);
    const std::string_view documents[] = {document};
    const Tokenizer learned = Tokenizer::learn(documents, {.vocab_size = 400});
    const std::string vocab = learned.vocab_json();
    const std::string merges = learned.merges_txt();
    const auto vocabulary = parse_vocabulary({"v", vocab}, {"m", merges});
    for (std::size_t size = 0; size < 300; ++size) {
      const std::string piece = random_text(random, alphabet, size);
      Ids ids;
      merge_piece(*vocabulary, piece, ids);
      ASSERT_EQ(ids, merge_by_the_book(*vocabulary, piece)) << piece;
    }
  }
}

TEST(Bpe, merging_makes_every_token_of_gpt2) {
  const auto vocabulary = load_vocabulary(gpt2_folder());
  for (std::int32_t id = 0; id < 50256; ++id) {
    Ids ids;
    merge_piece(*vocabulary, vocabulary->bytes(id), ids);
    ASSERT_EQ(ids, Ids{id});
    ASSERT_EQ(vocabulary->whole(vocabulary->bytes(id)), id);
  }
  EXPECT_EQ(vocabulary->whole("<|endoftext|>"), std::nullopt);
}

TEST(Bpe, gpt2_words_follow_the_rule) {
  const auto vocabulary = load_vocabulary(gpt2_folder());
  std::mt19937 random(6);
  for (int round = 0; round < 500; ++round) {
    std::string piece;
    while (piece.size() < 120) {
      piece += vocabulary->bytes(static_cast<std::int32_t>(random() % 50256));
    }
    piece.resize(random() % piece.size());
    Ids ids;
    merge_piece(*vocabulary, piece, ids);
    ASSERT_EQ(ids, merge_by_the_book(*vocabulary, piece)) << piece;
  }
}

TEST(Bpe, a_token_that_merging_never_reaches_is_not_looked_up) {
  const Tokenizer bytes = Tokenizer::learn({}, {.vocab_size = 257});
  std::string vocab = bytes.vocab_json();
  vocab.insert(vocab.rfind('}'), ", \"ab\": 257, \"bc\": 258, \"abc\": 259");
  const Tokenizer tokenizer = Tokenizer::parse(vocab, "#version: 0.2\na b\nb c\na bc\n");
  EXPECT_EQ(tokenizer.encode("abc"), (Ids{257, bytes.encode("c")[0]}));
  EXPECT_EQ(tokenizer.decode(Ids{259}), "abc");
}

TEST(Bpe, words_seen_before_come_out_the_same) {
  std::mt19937 random(7);
  std::vector<std::string> words;
  words.reserve(3000);
  for (int i = 0; i < 3000; ++i) {
    words.push_back(random_text(random, "abcdefghijklmnopqrstuvwxyz", 1 + random() % 70));
  }
  std::string text;
  Ids expected;
  for (int i = 0; i < 20000; ++i) {
    const std::string word = " " + words[random() % words.size()];
    text += word;
    for (const std::int32_t id : gpt2().encode(word)) expected.push_back(id);
  }
  EXPECT_EQ(gpt2().encode(text), expected);
}

}  // namespace
}  // namespace gptc::tokenizer::testing

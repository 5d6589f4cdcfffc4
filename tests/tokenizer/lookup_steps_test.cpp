// Encoding with what it remembers of earlier pieces, by each processor's instructions: always the
// ids of merging each piece.
#include <gtest/gtest.h>

#include "frontend/tokenizer/encoder.h"
#include "frontend/tokenizer/merger.h"
#include "frontend/tokenizer/vocabulary_files.h"
#include "tests/tokenizer/test_support.h"

namespace gptc::tokenizer::testing {
namespace {

using Ids = std::vector<std::int32_t>;

const Vocabulary& gpt2_vocabulary() {
  static const auto vocabulary = load_vocabulary(gpt2_folder());
  return *vocabulary;
}

class ListSink final : public IdSink {
 public:
  void take(std::span<const std::int32_t> ids) override {
    list.insert(list.end(), ids.begin(), ids.end());
  }
  Ids list;
};

Ids encoded(Encoder& encoder, std::string_view text) {
  ListSink sink;
  encoder.encode(text, sink);
  return sink.list;
}

Ids merged(std::string_view text) {
  Merger merger(gpt2_vocabulary());
  Ids ids;
  for (const std::string& piece : pieces(text)) merger.merge(piece, ids);
  return ids;
}

class LookupStepsOf : public ::testing::TestWithParam<LookupSteps> {
 protected:
  /// Twice: unknown, then remembered.
  void expect_ids_of_merging(std::string_view text) {
    const Ids expected = merged(text);
    for (const char* which : {"first", "second"}) {
      ASSERT_EQ(encoded(encoder_, text), expected) << which << " time, " << text.size() << " bytes";
    }
  }

  Encoder encoder_{gpt2_vocabulary(), GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Processor, LookupStepsOf, ::testing::ValuesIn(LookupSteps::all()),
                         [](const auto& test) { return test.param.name; });

TEST_P(LookupStepsOf, pieces_of_every_length) {
  std::mt19937 random(41);
  for (const std::string_view alphabet : {"ab", "etaoin", "qzxjkv", "-=", "#", "\xE1\x88\x80"}) {
    for (std::size_t size = 1; size < 300; ++size) {
      expect_ids_of_merging(" " + random_text(random, alphabet, size) + "1");
    }
  }
}

TEST_P(LookupStepsOf, more_pieces_than_it_remembers) {
  std::mt19937 random(42);
  std::string text;
  while (text.size() < 3'000'000) {
    text += ' ';
    text += random_text(random, "etaoinshrdlu", random() % 24 + 1);
  }
  expect_ids_of_merging(text);
}

TEST_P(LookupStepsOf, frequent_pieces_of_a_text_after_many_others) {
  std::mt19937 random(44);
  for (int round = 0; round < 3; ++round) {
    std::string others;
    while (others.size() < 1'500'000) others += " " + random_text(random, "etaoinshrdlu", 8);
    expect_ids_of_merging(others);
    std::vector<std::string> few(500);
    for (std::string& piece : few) piece = " " + random_text(random, "etaoinshrdlu", 7);
    std::string text;
    for (int i = 0; i < 50'000; ++i) text += few[random() % few.size()];
    expect_ids_of_merging(text);
  }
}

TEST(PieceCache, what_is_found_often_moves_to_its_first_place) {
  // One hash for all: two pieces beside each other, the others where each one's own hash leads.
  constexpr std::uint32_t kHash = 64;
  PieceCache cache;
  const auto key_of = [](std::int32_t i) {
    const std::string text = "piece " + std::to_string(i);
    return PieceKey::load_exactly(text.data(), text.size());
  };
  for (std::int32_t i = 0; i < 1000; ++i) cache.add(key_of(i), kHash, std::array{i, i + 1});
  const auto is_found = [&](std::int32_t i) {
    const PieceCache::Entry* const entry = cache.find(key_of(i), kHash);
    if (entry == nullptr) return false;
    std::int32_t ids[PieceCache::kTokens];
    entry->write(ids);
    EXPECT_EQ(entry->count(), 2u);
    EXPECT_EQ(ids[0], i);
    EXPECT_EQ(ids[1], i + 1);
    return true;
  };
  for (const std::int32_t often : {1, 500, 999, 500}) {
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(is_found(often));
    EXPECT_TRUE(cache.first_place(kHash)->key == key_of(often));
  }
  int found = 0;
  for (std::int32_t i = 0; i < 1000; ++i) found += is_found(i) ? 1 : 0;
  EXPECT_GT(found, 900);
}

TEST_P(LookupStepsOf, pieces_whose_tokens_have_no_room_beside_them) {
  // Bytes that no merge joins: as many tokens as bytes.
  for (std::size_t size = 40; size < 70; ++size) {
    std::string piece;
    for (std::size_t i = 0; i < size; ++i) piece += static_cast<char>(0xF8 + i % 2);
    expect_ids_of_merging("x" + piece + "y");
  }
}

TEST_P(LookupStepsOf, random_bytes) {
  std::mt19937 random(43);
  for (int round = 0; round < 200; ++round) {
    expect_ids_of_merging(random_bytes(random, random() % 3000));
  }
}

}  // namespace
}  // namespace gptc::tokenizer::testing

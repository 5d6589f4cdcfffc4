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

#include "tools/driver/block_encoder.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/formats/temp_folder.h"

namespace gptc::driver {
namespace {

using gptc::testing::TempFolder;

tokenizer::Tokenizer load(const std::string& name) {
  return tokenizer::Tokenizer::load(GPTC_SOURCE_DIR "/tests/tokenizer/formats/" + name +
                                    ".tokenizer.json");
}

/// Keeps everything.
class Keep : public TokenSink {
 public:
  void begin_document() override { ++documents; }
  void tokens(std::span<const std::int32_t> more, std::uint64_t text) override {
    ids.insert(ids.end(), more.begin(), more.end());
    bytes += text;
  }
  void cut() override {
    ++cuts;
    cut_tokens = ids.size();
    cut_bytes = bytes;
  }

  std::vector<std::int32_t> ids;
  std::uint64_t bytes = 0;
  std::uint64_t cut_bytes = 0;
  std::size_t cut_tokens = 0;
  int cuts = 0;
  int documents = 0;
};

std::string mixed_text(std::mt19937& random) {
  const std::string parts[] = {"the",  " tide",        "  ",  "\n\n", "<|endoftext|>", "<|endof",
                               "\r\n", "12345",        "'ll", "é",    "[PAD]",         "日本",
                               " ",    "<|endoftext|", "\t",  "x",    "\xe6\x97",      "!?"};
  std::string text;
  for (int i = 0; i < 60; ++i) text += parts[random() % std::size(parts)];
  return text;
}

TEST(BlockEncoder, BlocksChangeNothing) {
  const TempFolder folder;
  std::mt19937 random(4);
  for (const char* name : {"gpt2", "gpt4", "none"}) {
    const tokenizer::Tokenizer tokenizer = load(name);
    for (int round = 0; round < 20; ++round) {
      const std::string text = mixed_text(random);
      const std::string path = folder.with("t.txt", text);
      for (const auto special :
           {tokenizer::SpecialTokens::as_text, tokenizer::SpecialTokens::recognised}) {
        const auto whole = tokenizer.encode(text, {.special = special});
        for (const std::size_t block : {1U, 3U, 16U, 50U, 1000U}) {
          data::TextStream stream({path});
          Keep kept;
          encode_blocks(tokenizer, stream, kept, {.encode = {.special = special}, .block = block});
          ASSERT_EQ(kept.ids, whole) << name << " " << block << ": " << text;
          EXPECT_EQ(kept.bytes, text.size());
        }
      }
    }
  }
}

TEST(BlockEncoder, CutsBetweenTokensOfTheWhole) {
  const TempFolder folder;
  std::mt19937 random(5);
  const tokenizer::Tokenizer tokenizer = load("gpt2");
  const std::string text = mixed_text(random) + mixed_text(random);
  const std::string path = folder.with("t.txt", text);
  const auto whole = tokenizer.encode(text);
  for (std::uint64_t at = 0; at <= text.size(); at += 7) {
    data::TextStream stream({path});
    Keep kept;
    encode_blocks(tokenizer, stream, kept, {.block = 64, .cut_at = at});
    EXPECT_EQ(kept.ids, whole);
    EXPECT_EQ(kept.cuts, 1);
    EXPECT_GE(kept.cut_bytes, at);
    const std::string before = tokenizer.decode(std::span(kept.ids).first(kept.cut_tokens));
    EXPECT_EQ(before, text.substr(0, kept.cut_bytes));
  }
}

TEST(BlockEncoder, DocumentsAreApart) {
  const TempFolder folder;
  const tokenizer::Tokenizer tokenizer = load("gpt2");
  data::TextStream stream({folder.with("a.txt", "the ti"), folder.with("b.txt", "de")});
  Keep kept;
  encode_blocks(tokenizer, stream, kept, {});
  EXPECT_EQ(kept.documents, 2);
  auto expected = tokenizer.encode("the ti");
  for (const std::int32_t id : tokenizer.encode("de")) expected.push_back(id);
  EXPECT_EQ(kept.ids, expected);
}

}  // namespace
}  // namespace gptc::driver

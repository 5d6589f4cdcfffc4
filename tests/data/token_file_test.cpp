#include "frontend/data/token_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "frontend/data/error.h"
#include "frontend/data/window_loader.h"
#include "tests/formats/temp_folder.h"

namespace gptc::data {
namespace {

using gptc::testing::message_of;
using gptc::testing::TempFolder;

template <class Stored>
std::string bytes_of(const std::vector<std::uint32_t>& ids) {
  std::string bytes;
  for (const std::uint32_t id : ids) {
    const auto stored = static_cast<Stored>(id);
    bytes.append(reinterpret_cast<const char*>(&stored), sizeof stored);
  }
  return bytes;
}

TokenHeader header_of(std::uint64_t tokens, std::int64_t vocab_size) {
  return {.width = width_for(vocab_size),
          .tokens = tokens,
          .vocab_size = vocab_size,
          .tokenizer = "0123456789abcdef",
          .end_of_text = 2,
          .text_bytes = 17,
          .unigram_entropy = 1.25};
}

std::vector<std::int32_t> all(const TokenView& view) {
  std::vector<std::int32_t> ids(view.size());
  view.read(0, ids);
  return ids;
}

class TokenFiles : public ::testing::Test {
 protected:
  std::string why(const std::string& content, const std::string& header = "",
                  std::int64_t vocab_size = 1 << 20) {
    const std::string path = folder_.with("x.bin", content);
    std::filesystem::remove(path + ".json");
    if (!header.empty()) (void)folder_.with("x.bin.json", header);
    return message_of<Error>([&] { (void)all(TokenFile(path).tokens(vocab_size)); });
  }
  TempFolder folder_;
};

TEST_F(TokenFiles, WithoutHeaderAreNanoGpts) {
  const std::string path = folder_.with("train.bin", bytes_of<std::uint16_t>({5, 0, 65535, 7}));
  const TokenFile file(path);
  EXPECT_FALSE(file.header());
  EXPECT_EQ(file.size(), 4U);
  EXPECT_EQ(all(file.tokens(65536)), (std::vector<std::int32_t>{5, 0, 65535, 7}));
  EXPECT_EQ(all(file.tokens(65536).last(2)), (std::vector<std::int32_t>{65535, 7}));
  EXPECT_EQ(all(file.tokens(65536).first(1)), (std::vector<std::int32_t>{5}));
}

TEST_F(TokenFiles, TheHeaderSaysTheWidth) {
  const std::string path = folder_.with("t.bin", bytes_of<std::uint32_t>({100256, 1, 2}));
  const TokenHeader header = header_of(3, 100257);
  (void)folder_.with("t.bin.json", header_text(header));
  const TokenFile file(path);
  EXPECT_EQ(file.width(), TokenWidth::u32);
  EXPECT_EQ(all(file.tokens(200000)), (std::vector<std::int32_t>{100256, 1, 2}));
  EXPECT_EQ(file.header()->end_of_text, 2);
  EXPECT_EQ(file.header()->tokenizer, header.tokenizer);
  EXPECT_EQ(file.header()->unigram_entropy, 1.25);
  EXPECT_EQ(file.header()->text_bytes, 17U);
}

TEST_F(TokenFiles, WidthsFitTheirVocabularies) {
  EXPECT_EQ(width_for(65536), TokenWidth::u16);
  EXPECT_EQ(width_for(65537), TokenWidth::u32);
}

TEST_F(TokenFiles, WindowsComeFromAFile) {
  std::vector<std::uint32_t> ids(101);
  for (std::uint32_t i = 0; i < ids.size(); ++i) ids[i] = i;
  const TokenFile file(folder_.with("w.bin", bytes_of<std::uint16_t>(ids)));
  const std::vector<std::int32_t> memory(ids.begin(), ids.end());
  const LoaderOptions options{.batch = 3, .context = 8, .seed = 4};
  const WindowLoader from_file(file.tokens(200), options);
  const WindowLoader from_memory(memory, options);
  std::vector<std::int32_t> inputs(24), targets(24), inputs2(24), targets2(24);
  for (std::uint64_t i = 0; i < 20; ++i) {
    from_file.micro_batch(i, inputs, targets);
    from_memory.micro_batch(i, inputs2, targets2);
    EXPECT_EQ(inputs, inputs2);
    EXPECT_EQ(targets, targets2);
  }
}

TEST_F(TokenFiles, DamageIsNamed) {
  const std::string three = bytes_of<std::uint16_t>({1, 2, 3});
  EXPECT_NE(why("").find("x.bin: the file is empty"), std::string::npos);
  EXPECT_NE(why(three + "x").find("7 bytes are no whole number of tokens of 2 bytes"),
            std::string::npos);
  EXPECT_NE(why(three, "", 3).find("x.bin: token 2 is 3, but the vocabulary has the ids 0 to 2"),
            std::string::npos);
  EXPECT_NE(why(three, header_text(header_of(4, 50))).find("holds 3 tokens, but"),
            std::string::npos);
  EXPECT_NE(why(three, header_text(header_of(3, 3))).find("token 2 is 3"), std::string::npos);
  EXPECT_NE(why(three + three, header_text(header_of(3, 100000))).find("token 0 is 131073"),
            std::string::npos);
  EXPECT_NE(why(three, header_text(header_of(3, 100000))).find("6 bytes are no whole number"),
            std::string::npos);
  std::string llm_c(2048, '\0');
  const std::uint32_t magic = 20240520;
  std::memcpy(llm_c.data(), &magic, sizeof magic);
  EXPECT_NE(why(llm_c).find("llm.c"), std::string::npos);
  EXPECT_NE(
      message_of<Error>([&] { TokenFile file(folder_.file("nothing.bin")); }).find("cannot read"),
      std::string::npos);
  EXPECT_NE(message_of<Error>([&] { TokenFile file(folder_.file("")); }).find("not a regular"),
            std::string::npos);
}

TEST_F(TokenFiles, HeadersAreChecked) {
  const std::string good = header_text(header_of(3, 50));
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    text.replace(at, from.size(), to);
    return message_of<Error>([&] { (void)parse_header("h", text); });
  };
  EXPECT_NO_THROW((void)parse_header("h", good));
  EXPECT_NE(with("gptc tokens", "tokens").find("h: \"format\" must be"), std::string::npos);
  EXPECT_NE(with("\"version\": 1", "\"version\": 2").find("\"version\" must be"),
            std::string::npos);
  EXPECT_NE(with("uint16", "int8").find("\"dtype\" must be"), std::string::npos);
  EXPECT_NE(with("\"tokens\": 3", "\"tokens\": -3").find("\"tokens\" must be"), std::string::npos);
  EXPECT_NE(with("\"tokens\": 3", "\"tokens\": 3.5").find("\"tokens\" must be"), std::string::npos);
  EXPECT_NE(with("\"tokens\": 3,", "").find("\"tokens\" is missing"), std::string::npos);
  EXPECT_NE(with("\"tokens\": 3", "\"tokens\": 3, \"tokens\": 4").find("occurs twice"),
            std::string::npos);
  EXPECT_NE(with("\"tokens\": 3", "\"tokens\": 3, \"more\": 4").find("\"more\" is not known"),
            std::string::npos);
  EXPECT_NE(with("\"vocab_size\": 50", "\"vocab_size\": 0").find("\"vocab_size\" must"),
            std::string::npos);
  EXPECT_NE(with("\"end_of_text\": 2", "\"end_of_text\": 50").find("\"end_of_text\" must"),
            std::string::npos);
  EXPECT_NE(with("\"0123456789abcdef\"", "7").find("\"tokenizer\" must be"), std::string::npos);
  EXPECT_NE(with("1.25", "-1").find("\"unigram_entropy\" must be"), std::string::npos);
  EXPECT_NE(with("1.25", "[[[[[1]]]]]").find("nested deeper"), std::string::npos);
  EXPECT_NE(with("1.25", "").find("not valid JSON"), std::string::npos);
  EXPECT_NE(with("1.25", "7e777777").find("beyond what 64 bits"), std::string::npos);
  EXPECT_NE(with("{", "[{").find("h: "), std::string::npos);
  EXPECT_NE(message_of<Error>([] { (void)parse_header("h", "[]"); }).find("object"),
            std::string::npos);
}

TEST_F(TokenFiles, ReadingPastTheEndIsAnError) {
  const TokenFile file(folder_.with("e.bin", bytes_of<std::uint16_t>({1, 2, 3})));
  std::vector<std::int32_t> out(2);
  EXPECT_THROW(file.tokens(10).read(2, out), Error);
  EXPECT_THROW(file.tokens(10).read(~std::uint64_t{0}, out), Error);
  EXPECT_NO_THROW(file.tokens(10).read(1, out));
}

}  // namespace
}  // namespace gptc::data

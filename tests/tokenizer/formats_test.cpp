// Every form of a vocabulary: read, written back, and the same ids.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "frontend/tokenizer/base64.h"
#include "frontend/tokenizer/tiktoken_file.h"
#include "frontend/tokenizer/tokenizer_json.h"
#include "frontend/tokenizer/vocabulary_files.h"
#include "tests/tokenizer/temp_folder.h"
#include "tests/tokenizer/test_support.h"

namespace gptc::tokenizer::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNames[] = {"gpt2", "gpt4", "none"};

fs::path fixture(const std::string& name) {
  return fs::path(GPTC_SOURCE_DIR) / "tests" / "tokenizer" / "formats" / name;
}

Tokenizer saved(const std::string& name) {
  return Tokenizer::load(fixture(name + ".tokenizer.json"));
}

class Formats : public ::testing::Test {
 protected:
  /// Writes the files of a format into a folder of their own and loads that.
  Tokenizer written(const Tokenizer& tokenizer, const std::string& format) const {
    const fs::path folder = temp_.path() / format;
    fs::create_directories(folder);
    for (const VocabularyFile& file : vocabulary_files(tokenizer, *vocabulary_format(format)))
      std::ofstream(folder / file.name, std::ios::binary) << file.content;
    return Tokenizer::load(folder);
  }

  TempFolder temp_;
};

TEST_F(Formats, FilesThatHuggingFaceSavedGiveItsIds) {
  const auto expected = nlohmann::json::parse(read_fixture("formats/expected.json"));
  for (const std::string name : kNames) {
    const Tokenizer tokenizer = saved(name);
    EXPECT_EQ(pattern_name(tokenizer.pattern()), name);
    ASSERT_GT(expected.at(name).size(), 5U);
    for (const auto& one : expected.at(name)) {
      const auto text = one.at("text").get<std::string>();
      EXPECT_EQ(tokenizer.encode(text), one.at("ids").get<std::vector<std::int32_t>>())
          << name << ": " << one;
    }
  }
}

TEST_F(Formats, EveryFormKeepsTheVocabulary) {
  for (const std::string name : kNames) {
    const Tokenizer tokenizer = saved(name);
    EXPECT_EQ(fingerprint(written(tokenizer, "hf")), fingerprint(tokenizer)) << name;
    EXPECT_EQ(fingerprint(written(tokenizer, "tiktoken")), fingerprint(tokenizer)) << name;
  }
  EXPECT_EQ(fingerprint(written(saved("gpt2"), "gpt2")), fingerprint(saved("gpt2")));
  EXPECT_EQ(fingerprint(written(gpt2(), "hf")), fingerprint(gpt2()));
  EXPECT_EQ(fingerprint(written(gpt2(), "tiktoken")), fingerprint(gpt2()));
}

TEST_F(Formats, WhatLearningWritesLoadsWithAndWithoutTokenizerJson) {
  const Tokenizer tokenizer = saved("gpt2");
  for (const VocabularyFile& file : vocabulary_files(tokenizer))
    std::ofstream(temp_.path() / file.name, std::ios::binary) << file.content;
  EXPECT_EQ(fingerprint(Tokenizer::load(temp_.path())), fingerprint(tokenizer));
  EXPECT_EQ(fingerprint(Tokenizer::load(temp_.path() / "merges.txt")), fingerprint(tokenizer));
  fs::remove(temp_.path() / "tokenizer.json");
  EXPECT_EQ(fingerprint(Tokenizer::load(temp_.path())), fingerprint(tokenizer));
}

TEST_F(Formats, MergesTxtKeepsThePattern) {
  const Tokenizer none = saved("none");
  EXPECT_EQ(none.merges_txt().rfind("#version: 0.2 pattern: none\n", 0), 0U);
  EXPECT_EQ(fingerprint(Tokenizer::parse(none.vocab_json(), none.merges_txt())), fingerprint(none));
  EXPECT_EQ(gpt2().merges_txt().rfind("#version: 0.2\n", 0), 0U);
}

TEST_F(Formats, FingerprintsDifferInEveryPart) {
  EXPECT_NE(fingerprint(saved("gpt2")), fingerprint(saved("none")));
  std::string text = read_fixture("formats/gpt2.tokenizer.json");
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string other = text;
    other.replace(other.find(from), from.size(), to);
    return fingerprint(Tokenizer(parse_tokenizer_json({"x", other})));
  };
  EXPECT_EQ(changed("\"1.0\"", "\"1.0\" "), fingerprint(saved("gpt2")));
  EXPECT_NE(changed("\"use_regex\": true", "\"use_regex\": false"), fingerprint(saved("gpt2")));
  EXPECT_NE(fingerprint(gpt2()), fingerprint(saved("gpt2")));
  EXPECT_EQ(fingerprint(gpt2()).size(), 16U);
}

TEST_F(Formats, APublishedTiktokenFileNeedsNoSettings) {
  const std::string content = tiktoken_file(gpt2().vocabulary());
  std::ofstream(temp_.path() / "r50k_base.tiktoken", std::ios::binary) << content;
  EXPECT_EQ(fingerprint(Tokenizer::load(temp_.path() / "r50k_base.tiktoken")), fingerprint(gpt2()));
  EXPECT_EQ(fingerprint(Tokenizer::load(temp_.path())), fingerprint(gpt2()));
}

/// Lines of the 256 bytes and then of these tokens, from `first` on.
std::string tiktoken_lines(const std::vector<std::string>& tokens, int first = 256) {
  std::string out;
  for (int byte = 0; byte < 256; ++byte)
    out += base64(std::string(1, static_cast<char>(byte))) + ' ' + std::to_string(byte) + '\n';
  for (const std::string& token : tokens)
    out += base64(token) + ' ' + std::to_string(first++) + '\n';
  return out;
}

TEST_F(Formats, RanksGiveTheMergesBack) {
  const std::string lines = tiktoken_lines({"ab", "bc", "abc", "abcabc", "aa", "aaaa"}, 260);
  const Tokenizer tokenizer(
      parse_tiktoken({"x", lines}, {Pattern::gpt2, {{"<|endoftext|>", 300}}}));
  EXPECT_EQ(tokenizer.merge_text(2), "ab c");
  EXPECT_EQ(tokenizer.merge_text(3), "abc abc");
  EXPECT_EQ(tokenizer.merge_text(5), "aa aa");
  EXPECT_EQ(tokenizer.vocab_size(), 301);
  EXPECT_EQ(tokenizer.special_tokens().size(), 1U);  // the ids between are not used
  EXPECT_EQ(tokenizer.encode("abcabc"), std::vector<std::int32_t>{263});
  EXPECT_EQ(tokenizer.encode("a<|endoftext|>", {.special = SpecialTokens::recognised}),
            (std::vector<std::int32_t>{97, 300}));
  EXPECT_EQ(fingerprint(written(tokenizer, "hf")), fingerprint(tokenizer));
  EXPECT_EQ(fingerprint(written(tokenizer, "tiktoken")), fingerprint(tokenizer));
  EXPECT_THROW(vocabulary_files(tokenizer, VocabularyFormat::gpt2), Error);  // unused ids
}

/// tiktoken's rule, as plainly as it can be written.
std::vector<std::int32_t> by_ranks(const std::map<std::string, int>& ranks, std::string_view text) {
  std::vector<std::string> parts;
  for (const char byte : text) parts.emplace_back(1, byte);
  for (;;) {
    int best = -1;
    std::size_t place = 0;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto at = ranks.find(parts[i] + parts[i + 1]);
      if (at == ranks.end() || (best >= 0 && at->second >= best)) continue;
      best = at->second;
      place = i;
    }
    if (best < 0) break;
    parts[place] += parts[place + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
  std::vector<std::int32_t> ids;
  for (const std::string& part : parts) ids.push_back(ranks.at(part));
  return ids;
}

TEST_F(Formats, RandomRanksGiveTiktokensIds) {
  std::mt19937 random(3);
  int good = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<std::string> tokens = {"ab"};
    while (tokens.size() < 7) {
      std::vector<std::string> parts = tokens;
      parts.insert(parts.end(), {"a", "b"});
      const std::string token = parts[random() % parts.size()] + parts[random() % parts.size()];
      if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
    }
    std::map<std::string, int> ranks;
    for (int byte = 0; byte < 256; ++byte) ranks[std::string(1, static_cast<char>(byte))] = byte;
    for (std::size_t i = 0; i < tokens.size(); ++i) ranks[tokens[i]] = 256 + static_cast<int>(i);
    try {
      const Tokenizer tokenizer(
          parse_tiktoken({"x", tiktoken_lines(tokens)}, {.pattern = Pattern::none}));
      ++good;
      for (int i = 0; i < 20; ++i) {
        const std::string text = random_text(random, "ab", random() % 40);
        EXPECT_EQ(tokenizer.encode(text), by_ranks(ranks, text)) << text;
      }
    } catch (const Error&) {  // a token that merging does not reach
    }
  }
  EXPECT_GT(good, 50);
}

TEST_F(Formats, ATokenizerJsonMayHaveUnusedIdsAndFurtherTokens) {
  const std::string text = read_fixture("formats/none.tokenizer.json");
  std::string more = text;
  const std::string added = R"("added_tokens": [{"id": 400, "content": "<|x|>", "special": true}])";
  more.replace(more.find("\"added_tokens\": []"), 18, added);
  const Tokenizer tokenizer(parse_tokenizer_json({"x", more}));
  EXPECT_EQ(tokenizer.vocab_size(), 401);
  EXPECT_EQ(tokenizer.special_tokens()[0], 400);
  EXPECT_EQ(tokenizer.decode(std::vector<std::int32_t>{350}), "");
  std::string ignoring = text;
  const std::string_view field = "\"ignore_merges\": false";
  ignoring.replace(ignoring.find(field), field.size(), "\"ignore_merges\": true");
  EXPECT_EQ(fingerprint(Tokenizer(parse_tokenizer_json({"x", ignoring}))),
            fingerprint(saved("none")));
}

TEST_F(Formats, WhatAFormatCannotHoldIsRefused) {
  EXPECT_THROW(vocabulary_files(saved("none"), VocabularyFormat::gpt2), Error);  // its pattern
  EXPECT_THROW(vocabulary_files(saved("gpt4"), VocabularyFormat::gpt2), Error);
  EXPECT_FALSE(vocabulary_format("gguf"));
}

TEST_F(Formats, Base64IsStrict) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string bytes = random_bytes(random, size);
    EXPECT_EQ(from_base64(base64(bytes)), bytes);
  }
  EXPECT_EQ(base64("light work"), "bGlnaHQgd29yaw==");
  for (const char* bad :
       {"A", "AA", "AAA", "AAAA=", "A===", "AB==", "AAB=", "A=AA", "AA A", "-AAA"})
    EXPECT_FALSE(from_base64(bad)) << bad;
}

}  // namespace
}  // namespace gptc::tokenizer::testing

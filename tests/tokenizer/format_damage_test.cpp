// Damaged vocabulary files and settings that would change ids: each with the message it must get.
#include <gtest/gtest.h>

#include <fstream>

#include "frontend/tokenizer/base64.h"
#include "frontend/tokenizer/tiktoken_file.h"
#include "frontend/tokenizer/tokenizer_json.h"
#include "frontend/tokenizer/vocabulary_files.h"
#include "tests/tokenizer/temp_folder.h"
#include "tests/tokenizer/test_support.h"

namespace gptc::tokenizer::testing {
namespace {

struct Damage {
  const char* from;
  const char* to;
  const char* message;
};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  if (at == text.npos) throw std::logic_error("nothing to replace: " + std::string(from));
  return text.replace(at, from.size(), to);
}

/// The message that `parse` ends with.
template <class Parse>
std::string message_of(const Parse& parse) {
  try {
    parse();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

template <class Parse>
void expect_messages(const std::string& text, std::span<const Damage> cases, const Parse& parse) {
  for (const Damage& damage : cases) {
    const std::string damaged = replaced(text, damage.from, damage.to);
    const std::string message = message_of([&] { parse(damaged); });
    EXPECT_NE(message.find(damage.message), std::string::npos)
        << damage.from << " -> " << damage.to << " gave: " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_EQ(message.rfind("file", 0), 0U) << message;
  }
}

/// A small file as gptc writes it: merges "a b", one special token.
std::string written_json() {
  const std::string text = read_fixture("formats/gpt2.tokenizer.json");
  return tokenizer_json(*parse_tokenizer_json({"fixture", text}));
}

void parse_json_file(const std::string& text) { parse_tokenizer_json({"file", text}); }

TEST(FormatDamage, TokenizerJsonSettingsThatChangeIds) {
  const Damage cases[] = {
      {R"("version": "1.0")", R"("version": "2.0")", "version: must be \"1.0\", but is \"2.0\""},
      {R"("version": "1.0")", R"("version": "1.0", "extra": 1)", "extra: is not known here"},
      {R"("truncation": null)", R"("truncation": {"max_length": 5})", "truncation: must be null"},
      {R"("padding": null)", R"("padding": {})", "padding: must be null"},
      {R"("normalizer": null)", R"("normalizer": {"type": "NFC"})", "normalizer: must be null"},
      {R"("dropout": null)", R"("dropout": 0.1)", "model.dropout: must be null or 0"},
      {R"("unk_token": null)", R"("unk_token": "<unk>")", "model.unk_token: must be null"},
      {R"("continuing_subword_prefix": null)", R"("continuing_subword_prefix": "##")",
       "model.continuing_subword_prefix: must be null"},
      {R"("end_of_word_suffix": null)", R"("end_of_word_suffix": "</w>")",
       "model.end_of_word_suffix: must be null"},
      {R"("fuse_unk": false)", R"("fuse_unk": 1)", "model.fuse_unk: must be true or false"},
      {R"("byte_fallback": false)", R"("byte_fallback": true)", "model.byte_fallback: must be fal"},
      {R"("ignore_merges": false)", R"("ignore_merges": 3)", "model.ignore_merges: must be true"},
      {R"("ignore_merges": false)", R"("future": 3)", "model.future: is not known here"},
      {R"("type": "BPE")", R"("type": "Unigram")", "model.type: must be \"BPE\""},
      {R"("pre_tokenizer": {)", R"("pre_tokenizer": null, "decoder": {)", "key \"decoder\" occurs"},
      {R"("type": "ByteLevel", "add_prefix_space": false)", R"("type": "Whitespace")",
       "pre_tokenizer.type: must be \"ByteLevel\""},
      {R"("add_prefix_space": false)", R"("add_prefix_space": true)",
       "pre_tokenizer.add_prefix_space: must be false"},
      {R"("trim_offsets": true, )", R"("trim_offsets": true, "odd": 0, )",
       "pre_tokenizer.odd: is not known here"},
      {R"("post_processor": {)", R"("post_processor": {"a": 1}, "x": {)", "x: is not known here"},
      {R"("post_processor": {"type": "ByteLevel")", R"("post_processor": {"type": "Template")",
       "post_processor: must be null or ByteLevel"},
      {R"("decoder": {"type": "ByteLevel")", R"("decoder": {"type": "WordPiece")",
       "decoder: must be null or ByteLevel"},
      {R"("special": true)", R"("special": false)", "added_tokens[0].special: must be true"},
      {R"("lstrip": false)", R"("lstrip": true)", "added_tokens[0].lstrip: must be false"},
      {R"("rstrip": false)", R"("rstrip": true)", "added_tokens[0].rstrip: must be false"},
      {R"("single_word": false)", R"("single_word": true)", "added_tokens[0].single_word: must"},
      {R"({"id": 0, )", R"({"id": -1, )", "added_tokens[0].id: must be an integer"},
      {R"({"id": 0, )", R"({"id": 1, )", "added_tokens[0].id: must be 0"},
      {R"({"id": 0, )", R"({"id": 2147483647, )", "added_tokens[0].id: must be an integer"},
      {R"("content": "<|endoftext|>")", R"("content": "")", "added_tokens[0].content: must not"},
      {R"("content": "<|endoftext|>")", R"("content": 5)", "added_tokens[0].content: must be a t"},
      {R"({"id": 0, "content": "<|endoftext|>")", R"({"id": 5000000, "content": "<|x|>")",
       "tokens may leave at most 65536 ids unused"},
      {R"({"id": 0, "content": "<|endoftext|>")", R"({"id": 1, "content": "!")",
       "token \"!\" is special, but a byte or a merge makes it"},
      {R"("added_tokens": [)", R"("added_tokens": [7, )", "added_tokens[0]: must be an object"},
      {R"("normalized": false, "special": true})",
       R"("normalized": false, "special": true}, {"id": 330, "content": "oftext|>x", )"
       R"("normalized": true, "special": true})",
       "added_tokens[1].normalized: must be the same"},
  };
  expect_messages(written_json(), cases, parse_json_file);
}

TEST(FormatDamage, TokenizerJsonPatterns) {
  const std::string text = read_fixture("formats/gpt4.tokenizer.json");
  const Damage cases[] = {
      {"{1,3}", "{1,4}",
       "pre_tokenizer.pretokenizers[0].pattern.Regex: must be the pattern of gpt2"},
      {"\"Regex\"", "\"String\"", "pretokenizers[0].pattern.String: is not known here"},
      {"\"Isolated\"", "\"Removed\"", "pretokenizers[0].behavior: must be \"Isolated\""},
      {"\"invert\": false", "\"invert\": true", "pretokenizers[0].invert: must be false"},
      {"\"use_regex\": false", "\"use_regex\": true", "pretokenizers[1].use_regex: must be false"},
      {"\"type\": \"Split\"", "\"type\": \"Digits\"", "pretokenizers: must be one Split and one"},
      {"\"pretokenizers\": [", "\"pretokenizers\": [[],", "pretokenizers: must be one Split"},
      {"\"pretokenizers\": [", "\"pretokenizers\": 0, \"x\": [", "pre_tokenizer.x: is not known"},
  };
  expect_messages(text, cases, parse_json_file);
}

TEST(FormatDamage, TokenizerJsonVocabularyAndMerges) {
  const Damage cases[] = {
      {"\"!\": 1, ", "\"!\": \"1\", ", "model.vocab: byte"},
      {"\"!\": 1, ", "\"!\": [], ", "the id of \"!\" is not an integer"},
      {"\"!\": 1, ", "\"!\": {}, ", "the id of \"!\" is not an integer"},
      {"\"!\": 1, ", "\"!\": 2147483647, ", "the id of \"!\" is not an integer"},
      {"\"!\": 1, ", "\"!\": 2, ", "which \"!\" has already"},
      {"\"!\": 1, ", "\"!\": 1, \"!\": 1, ", "token \"!\" occurs twice"},
      {"\"!\": 1, ", "", "no token for byte 33"},
      {"\"!\": 1, ", "\"!\": 1, \"zzz\": 330, ", "token \"zzz\" is no byte, no merge of"},
      {"\"Ġ t\"", "\"Ġt\"", "model.merges[1]: a merge is \"left right\""},
      {"\"Ġ t\"", "\"Ġ  t\"", "model.merges[1]: a merge is \"left right\""},
      {"\"Ġ t\"", "5", "model.merges[1]: a merge is \"left right\""},
      {"\"Ġ t\"", "{}", "model.merges[1]: a merge is \"left right\""},
      {"\"Ġ t\"", "[\"Ġ\"]", "model.merges[1]: a merge is \"left right\""},
      {"\"Ġ t\"", "[\"Ġ\", \"t\", \"h\"]", "model.merges[1]: a merge is \"left right\""},
      {"\"Ġ t\"", "[\"Ġ\", 1]", "model.merges[1]: a merge is \"left right\""},
      {"\"Ġ t\"", "[\"\", \"t\"]", "model.merges[1]: a merge is \"left right\""},
      {"\"Ġ t\"", "[[\"Ġ\"], \"t\"]", "model.merges[1]: a merge is \"left right\""},
      {"\"Ġ t\"", "\"Ġ t\", \"Ġ t\"", "model.merges[2]: merge \"Ġ t\" stands in model.merges[1]"},
      {"\"Ġ t\"", "\"zz t\"", "model.merges[1]: token \"zz\" is not in the vocabulary"},
      {"\"Ġ t\"", "\"Ġ \\u0001\"", "model.merges[1]: token \"\\u0001\" is not in the vocabulary"},
      {"\"merges\": [", "\"merges\": 5, \"x\": [", "model.merges: is not known here"},
      {"\"vocab\": {", "\"vocab\": 5, \"x\": {", "model.vocab: is not known here"},
      {"\"vocab\": {", "\"vocab\": [{", "not valid JSON"},
      {"\"model\": {", "\"model\": [[[[[[[[[[[[[[[[[[{", "nested deeper than 16"},
      {"\"version\"", "version", "file: byte 5: not valid JSON"},
      {"\"version\"", "\"\xff\"", "not valid JSON"},
  };
  expect_messages(written_json(), cases, parse_json_file);
  EXPECT_NE(message_of([] { parse_json_file(""); }).find("not valid JSON"), std::string::npos);
  EXPECT_NE(message_of([] { parse_json_file("5"); }).find("must be an object"), std::string::npos);
  EXPECT_NE(message_of([] { parse_json_file("{}"); }).find("model: must be an object"),
            std::string::npos);
}

TEST(FormatDamage, TokensThatMergingDoesNotReach) {
  // "~}|" has a merge, but "}|" merges first.
  const std::string text = read_fixture("formats/none.tokenizer.json");
  const std::string ignoring =
      replaced(text, "\"ignore_merges\": false", "\"ignore_merges\": true");
  const std::string first = "\"merges\": [";
  const std::string entry = "\"vocab\": {";
  const std::string odd =
      replaced(replaced(ignoring, entry, entry + "\"~}\": 400, \"}|\": 401, \"~}|\": 402, "), first,
               first + "[\"}\", \"|\"], [\"~\", \"}\"], [\"~}\", \"|\"], ");
  EXPECT_NE(message_of([&] { parse_json_file(odd); }).find("merging does not reach token \"~}|\""),
            std::string::npos)
      << message_of([&] { parse_json_file(odd); });
}

std::string small_tiktoken() {
  std::string out;
  for (int byte = 0; byte < 256; ++byte)
    out += base64(std::string(1, static_cast<char>(byte))) + ' ' + std::to_string(byte) + '\n';
  return out + base64("th") + " 256\n" + base64("the") + " 257\n";
}

TEST(FormatDamage, Tiktoken) {
  const Damage cases[] = {
      {"IQ== 33\n", "IQ==33\n", "line 34: a line is a token in base64"},
      {"IQ== 33\n", "\n", "line 34: a line is a token in base64"},
      {"IQ== 33\n", "IQ= 33\n", "line 34: not base64: \"IQ=\""},
      {"IQ== 33\n", "IR== 33\n", "line 34: not base64"},
      {"IQ== 33\n", " 33\n", "line 34: not base64"},
      {"IQ== 33\n", "IQ== 33 \n", "line 34: a line is a token in base64"},
      {"IQ== 33\n", "IQ== 33\r\n", "line 34: a line is a token in base64"},
      {"IQ== 33\n", "IQ== -1\n", "line 34: a line is a token in base64"},
      {"IQ== 33\n", "IQ== 0x21\n", "line 34: a line is a token in base64"},
      {"IQ== 33\n", "IQ== 99999999999\n", "line 34: a line is a token in base64"},
      {"IQ== 33\n", "IQ== 2147483646\n", "tokens may leave at most 65536 ids unused"},
      {"IQ== 33\n", "IQ== 34\n", "rank 34 stands in line"},
      {"IQ== 33\n", "IQ== 33\nIQ== 300\n", "token \"!\" stands in line 34 already"},
      {"IQ== 33\n", "", "no token for byte 33"},
      {"dGg= 256\n", "",
       "line 257: token \"the\" is not made by merging two tokens of lower rank: 3"},
      {"dGg= 256\n", "dGg= 258\n", "line 258: token \"the\" is not made by merging"},
  };
  expect_messages(small_tiktoken(), cases, [](const std::string& text) {
    parse_tiktoken({"file", text}, {.specials = {{"<|endoftext|>", 258}}});
  });
  EXPECT_THROW(parse_tiktoken({"file", ""}, {}), Error);
  const std::string good = small_tiktoken();
  EXPECT_THROW(parse_tiktoken({"file", good}, {.specials = {{"<|x|>", 3}}}), Error);
  EXPECT_THROW(parse_tiktoken({"file", good}, {.specials = {{"x", 300}}}), Error);
}

TEST(FormatDamage, TiktokenSettings) {
  const std::string good = R"({"pattern": "gpt4", "special_tokens": {"<|x|>": 300}})";
  const Damage cases[] = {
      {"gpt4", "gpt9", "pattern \"gpt9\" is none of gpt2, gpt4, none"},
      {"300", "-1", "must be like"},
      {"300", "\"300\"", "must be like"},
      {"300", "[1]", "must be like"},
      {"300", "{}", "must be like"},
      {"<|x|>", "", "an empty token"},
      {"pattern", "patern", "\"patern\" is not known here"},
      {"\"pattern\": \"gpt4\", ", "", "there is no \"pattern\""},
      {"{", "[{", "must be like"},
      {"}}", "}", "not valid JSON"},
  };
  expect_messages(good, cases, [](const std::string& text) {
    parse_tiktoken_settings({"file", text});
  });
}

TEST(FormatDamage, FoldersAndNames) {
  const TempFolder temp;
  const auto message = [&](const std::string& name) {
    return message_of([&] { Tokenizer::load(temp.path() / name); });
  };
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(temp.path() / name, std::ios::binary) << text;
  };
  EXPECT_NE(message("").find("no tokenizer here; expected vocab.json and merges.txt"),
            std::string::npos);
  EXPECT_NE(message("nowhere").find("no tokenizer here"), std::string::npos);
  write("words.txt", "x");
  EXPECT_NE(message("words.txt").find("no vocabulary file"), std::string::npos);
  write("mine.tiktoken", small_tiktoken());
  EXPECT_NE(message("mine.tiktoken").find("write mine.tiktoken.json beside it"), std::string::npos);
  write("other.tiktoken", small_tiktoken());
  EXPECT_NE(message("").find("several .tiktoken files"), std::string::npos);
  write("tokenizer.json", "{}");
  EXPECT_NE(message("").find("tokenizer.json: model: must be an object"), std::string::npos);
  write("vocab.json", "{}");
  EXPECT_NE(message("vocab.json").find("merges.txt: cannot be read"), std::string::npos);
}

template <class Parse>
void damage_at_random(const std::string& good, unsigned seed, const Parse& parse) {
  std::mt19937 random(seed);
  int errors = 0;
  constexpr int kRounds = 1500;
  for (int round = 0; round < kRounds; ++round) {
    std::string file = good;
    for (std::size_t changes = 1 + random() % 3; changes > 0; --changes) {
      const std::size_t at = random() % file.size();
      switch (random() % 3) {
        case 0:
          file[at] = static_cast<char>(random() & 0xFF);
          break;
        case 1:
          file.erase(at, 1 + random() % 20);
          break;
        default:
          file.insert(at, file.substr(random() % file.size(), 1 + random() % 20));
          break;
      }
    }
    try {
      const Tokenizer tokenizer(parse(file));
      const std::string text = random_bytes(random, 100) + " the tide";
      EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
    } catch (const Error&) {
      ++errors;
    }
  }
  EXPECT_GT(errors, kRounds / 4);
}

TEST(FormatDamage, RandomDamageIsAnErrorOrAWorkingTokenizer) {
  damage_at_random(written_json(), 5, [](const std::string& text) {
    return parse_tokenizer_json({"x", text});
  });
  damage_at_random(read_fixture("formats/gpt4.tokenizer.json"), 6, [](const std::string& text) {
    return parse_tokenizer_json({"x", text});
  });
  damage_at_random(small_tiktoken(), 7, [](const std::string& text) {
    return parse_tiktoken({"x", text}, {.specials = {{"<|endoftext|>", 258}}});
  });
}

}  // namespace
}  // namespace gptc::tokenizer::testing

#include <array>
#include <utility>

#include "frontend/tokenizer/error.h"
#include "frontend/tokenizer/json_reader.h"
#include "frontend/tokenizer/pattern.h"
#include "frontend/tokenizer/tiktoken_file.h"
#include "frontend/tokenizer/tokenizer.h"
#include "frontend/tokenizer/tokenizer_json.h"
#include "frontend/tokenizer/vocab_json.h"
#include "frontend/tokenizer/vocabulary_files.h"

namespace gptc::tokenizer {
namespace {

constexpr std::array<std::pair<std::string_view, VocabularyFormat>, 3> kFormats = {{
    {"hf", VocabularyFormat::hf},
    {"gpt2", VocabularyFormat::gpt2},
    {"tiktoken", VocabularyFormat::tiktoken},
}};

/// Reading the pair back must give the same: it has no place for unused ids, and takes only tokens
/// written <...> for special.
void check_pair(const Vocabulary& vocabulary, std::string_view vocab, std::string_view merges) {
  const auto again = parse_vocabulary({"vocab.json", vocab}, {"merges.txt", merges});
  if (again->size() != vocabulary.size()) throw Error("vocab.json: cannot hold this vocabulary");
}

/// What transformers asks a folder for besides the vocabulary.
std::string tokenizer_config(const Tokenizer& tokenizer) {
  const bool known = tokenizer.pattern() == Pattern::gpt2;
  std::string out = std::string("{\n  \"tokenizer_class\": \"") +
                    (known ? "GPT2Tokenizer" : "PreTrainedTokenizerFast") +
                    "\",\n  \"add_prefix_space\": false";
  if (!tokenizer.end_of_text()) return out + "\n}\n";
  for (const char* role : {"bos_token", "eos_token", "unk_token"})
    out += std::string(",\n  \"") + role + "\": " + json_string(kEndOfText);
  return out + "\n}\n";
}

std::string special_tokens_map(const Tokenizer& tokenizer) {
  if (!tokenizer.end_of_text()) return "{}\n";
  const std::string token = json_string(kEndOfText);
  return "{\n  \"bos_token\": " + token + ",\n  \"eos_token\": " + token +
         ",\n  \"unk_token\": " + token + "\n}\n";
}

std::vector<VocabularyFile> gpt2_files(const Tokenizer& tokenizer) {
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  if (vocabulary.pattern() != Pattern::gpt2) {
    throw Error("as gpt2: its files have no place for pattern " +
                std::string(pattern_name(vocabulary.pattern())) +
                ", so other programs would cut pieces as GPT-2 does; write hf or tiktoken");
  }
  std::vector<VocabularyFile> files = {{"encoder.json", vocab_json(vocabulary)},
                                       {"vocab.bpe", merges_txt(vocabulary)}};
  check_pair(vocabulary, files[0].content, files[1].content);
  return files;
}

std::vector<VocabularyFile> hf_files(const Tokenizer& tokenizer) {
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  std::vector<VocabularyFile> files = {{"tokenizer.json", tokenizer_json(vocabulary)},
                                       {"tokenizer_config.json", tokenizer_config(tokenizer)},
                                       {"special_tokens_map.json", special_tokens_map(tokenizer)}};
  if (vocabulary.pattern() != Pattern::gpt2) return files;
  // For programs from before tokenizer.json, which know GPT-2's pattern only.
  files.push_back({"vocab.json", vocab_json(vocabulary)});
  files.push_back({"merges.txt", merges_txt(vocabulary)});
  return files;
}

class Fnv1a {
 public:
  void add(std::string_view bytes) {
    add(static_cast<std::int64_t>(bytes.size()));
    for (const char byte : bytes) mix(static_cast<unsigned char>(byte));
  }
  void add(std::int64_t number) {
    for (int shift = 0; shift < 64; shift += 8)
      mix(static_cast<unsigned char>(static_cast<std::uint64_t>(number) >> shift));
  }
  std::string hex() const {
    std::string digits(16, '0');
    for (std::size_t i = 0; i < digits.size(); ++i)
      digits[i] = "0123456789abcdef"[state_ >> (60 - 4 * i) & 15];
    return digits;
  }

 private:
  void mix(unsigned char byte) { state_ = (state_ ^ byte) * 0x100000001b3; }
  std::uint64_t state_ = 0xcbf29ce484222325;
};

}  // namespace

std::optional<VocabularyFormat> vocabulary_format(std::string_view name) {
  for (const auto& [known, format] : kFormats) {
    if (known == name) return format;
  }
  return std::nullopt;
}

std::vector<VocabularyFile> vocabulary_files(const Tokenizer& tokenizer, VocabularyFormat format) {
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  if (format == VocabularyFormat::hf) return hf_files(tokenizer);
  if (format == VocabularyFormat::gpt2) return gpt2_files(tokenizer);
  return {{"vocabulary.tiktoken", tiktoken_file(vocabulary)},
          {"vocabulary.tiktoken.json", tiktoken_settings(vocabulary)}};
}

std::vector<VocabularyFile> vocabulary_files(const Tokenizer& tokenizer) {
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  return {{"vocab.json", vocab_json(vocabulary)},
          {"merges.txt", merges_txt(vocabulary)},
          {"tokenizer.json", tokenizer_json(vocabulary)}};
}

std::string fingerprint(const Tokenizer& tokenizer) {
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  Fnv1a hash;
  hash.add(pattern_name(vocabulary.pattern()));
  hash.add(vocabulary.size());
  for (std::int32_t id = 0; id < vocabulary.size(); ++id) hash.add(vocabulary.bytes(id));
  for (const std::int32_t id : vocabulary.specials()) hash.add(id);
  for (const Merge& merge : vocabulary.merges()) {
    for (const std::int32_t id : {merge.left, merge.right, merge.result}) hash.add(id);
  }
  return hash.hex();
}

}  // namespace gptc::tokenizer

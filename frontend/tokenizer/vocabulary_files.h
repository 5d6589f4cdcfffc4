#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/merges_txt.h"
#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {

class Tokenizer;

/// Reads a vocabulary in any form (README.md lists them). `path` is a folder, in which are looked
/// for, in this order, tokenizer.json; vocab.json and merges.txt; encoder.json and vocab.bpe; one
/// file *.tiktoken. Or it is one of these files: NAME.tiktoken needs NAME.tiktoken.json beside it
/// (its pattern and special tokens) unless it has the name of a published one. Throws Error.
std::shared_ptr<const Vocabulary> load_vocabulary(const std::filesystem::path& path);

/// Programs whose files can be written.
enum class VocabularyFormat : std::uint8_t {
  hf,       ///< Hugging Face: tokenizer.json, vocab.json, merges.txt and two small ones
  gpt2,     ///< OpenAI's GPT-2: encoder.json, vocab.bpe
  tiktoken  ///< vocabulary.tiktoken, vocabulary.tiktoken.json
};
std::optional<VocabularyFormat> vocabulary_format(std::string_view name);

struct VocabularyFile {
  std::string name;
  std::string content;
};

/// The files of a vocabulary for other programs. Throws Error if the format cannot hold it: then
/// the program would give other ids.
std::vector<VocabularyFile> vocabulary_files(const Tokenizer& tokenizer, VocabularyFormat format);

/// tokenizer.json, vocab.json and merges.txt, which load_vocabulary and most programs read.
std::vector<VocabularyFile> vocabulary_files(const Tokenizer& tokenizer);

/// A number that tells vocabularies apart: 64 bits over the pattern, all tokens with their ids and
/// all merges (FNV-1a; Fowler, Noll, Vo), whatever files they came from. As 16 hexadecimal digits.
std::string fingerprint(const Tokenizer& tokenizer);

}  // namespace gptc::tokenizer

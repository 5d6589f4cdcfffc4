#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {

/// A file's content and the name messages call it by.
struct NamedText {
  std::string name;
  std::string_view text;
};

/// Builds a vocabulary from a vocab.json (or encoder.json) and a merges.txt (or vocab.bpe). Checks
/// that every byte has a token, that every merge joins two known tokens to a known one, no pair
/// twice, and that a token which is no byte and no merge's result is written <...>, as special
/// tokens are. Of the merges only the first line is a header ("#version: ..."). Throws Error with
/// the file's name and the line or byte.
std::shared_ptr<const Vocabulary> parse_vocabulary(const NamedText& vocab, const NamedText& merges);

/// Reads vocab.json and merges.txt from `directory`, or, where those are not there, encoder.json
/// and vocab.bpe. Throws Error.
std::shared_ptr<const Vocabulary> load_vocabulary(const std::filesystem::path& directory);

/// "left right" of merge `rank` in printable form, as a line of merges.txt has it.
std::string merge_line(const Vocabulary& vocabulary, std::size_t rank);

/// The content of merges.txt: the header and a line a merge.
std::string merges_txt(const Vocabulary& vocabulary);

}  // namespace gptc::tokenizer

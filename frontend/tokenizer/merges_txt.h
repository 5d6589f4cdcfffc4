#pragma once

#include <cstddef>
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

/// Builds a vocabulary from a vocab.json (or encoder.json) and a merges.txt (or vocab.bpe), whose
/// first line is a header, "#version: 0.2", and each further one a merge, "left right". A header
/// "#version: 0.2 pattern: gpt4" names another pattern than GPT-2's; programs that know only GPT-2
/// skip it. Throws Error with the file's name and the line or byte.
std::shared_ptr<const Vocabulary> parse_vocabulary(const NamedText& vocab, const NamedText& merges);

/// "left right" of merge `rank` in printable form, as a line of merges.txt has it.
std::string merge_line(const Vocabulary& vocabulary, std::size_t rank);

/// The content of merges.txt.
std::string merges_txt(const Vocabulary& vocabulary);

}  // namespace gptc::tokenizer

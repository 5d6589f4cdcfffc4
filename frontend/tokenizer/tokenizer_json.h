#pragma once

#include <memory>
#include <string>

#include "frontend/tokenizer/merges_txt.h"
#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {

/// Builds a vocabulary from a Hugging Face tokenizer.json: a byte-level BPE with GPT-2's pattern,
/// GPT-4's or none. Merges may be written "a b" or ["a", "b"]. Throws Error with the byte or the
/// field for what is damaged, and for every field that changes ids in a way gptc has not.
std::shared_ptr<const Vocabulary> parse_tokenizer_json(const NamedText& file);

/// The same file for a vocabulary; Hugging Face tokenizers gives its ids.
std::string tokenizer_json(const Vocabulary& vocabulary);

}  // namespace gptc::tokenizer

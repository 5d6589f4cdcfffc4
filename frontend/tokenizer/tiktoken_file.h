#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "frontend/tokenizer/merges_txt.h"
#include "frontend/tokenizer/pattern.h"
#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {

/// What a .tiktoken file does not say of itself.
struct TiktokenSettings {
  struct Special {
    std::string text;
    std::int32_t id;
  };
  Pattern pattern = Pattern::gpt2;
  std::vector<Special> specials;
};

/// Those of the published vocabularies gpt2, r50k_base, p50k_base and cl100k_base by the file's
/// name without folder and ending; nothing for another name.
std::optional<TiktokenSettings> published_settings(const std::string& stem);

/// Reads them from JSON: {"pattern": "gpt2", "special_tokens": {"<|endoftext|>": 50256}}.
TiktokenSettings parse_tiktoken_settings(const NamedText& file);

/// Builds a vocabulary from lines "base64 rank". The rank is the id; some may be missing. Throws
/// Error with the line for what is damaged, for a missing byte and for a token that merging tokens
/// of lower rank does not make.
std::shared_ptr<const Vocabulary> parse_tiktoken(const NamedText& file,
                                                 const TiktokenSettings& settings);

/// The contents of both files. Throws Error if the file's rule, any two neighbours whose joined
/// bytes are a token, lowest id first, is not the vocabulary's.
std::string tiktoken_file(const Vocabulary& vocabulary);
std::string tiktoken_settings(const Vocabulary& vocabulary);

}  // namespace gptc::tokenizer

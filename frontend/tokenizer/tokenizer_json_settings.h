#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "frontend/tokenizer/pattern.h"

namespace gptc::tokenizer {

struct AddedToken {
  std::string content;
  std::int32_t id;
};

/// What a tokenizer.json says besides the vocabulary and the merges.
struct TokenizerSettings {
  Pattern pattern = Pattern::gpt2;
  std::vector<AddedToken> added;  ///< special tokens
  /// Whole pieces are looked up before merging, even those that merging does not reach.
  bool ignore_merges = false;
};

/// Reads them from the file's object without model.vocab and model.merges. Every field is either
/// understood or known not to change ids; any other throws Error "NAME: field: rule, but ...".
TokenizerSettings read_tokenizer_settings(const std::string& name, const nlohmann::json& root);

}  // namespace gptc::tokenizer

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {

/// One line of a vocab.json: the token's printable form (byte_map.h), or a special token's text.
struct VocabEntry {
  std::string token;
  std::int32_t id;
  std::size_t byte;  ///< place in the file just after the token, from 1, for messages
};

/// Reads a flat JSON object of "token": id and returns its entries by id. The ids must be 0 to V-1,
/// each once, and no token may occur twice. Throws Error that begins with `name` and says the byte.
std::vector<VocabEntry> parse_vocab_json(const std::string& name, std::string_view text);

/// The same object for a vocabulary, in the order of ids.
std::string vocab_json(const Vocabulary& vocabulary);

/// A token for a message: in quotes, escaped, cut where it is long.
std::string show_token(std::string_view token);

}  // namespace gptc::tokenizer

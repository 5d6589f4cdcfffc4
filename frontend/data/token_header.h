#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "frontend/data/token_view.h"

namespace gptc::data {

/// What stands in FILE.json beside a token file FILE, which itself holds nothing but ids.
struct TokenHeader {
  TokenWidth width = TokenWidth::u16;       ///< u16 or u32
  std::uint64_t tokens = 0;                 ///< in the file
  std::int64_t vocab_size = 0;              ///< all ids are below it
  std::string tokenizer;                    ///< what tells the tokenizer from others
  std::optional<std::int32_t> end_of_text;  ///< stands between documents; none: nothing does
  std::uint64_t text_bytes = 0;             ///< of the text that the tokens are
  double unigram_entropy = 0;               ///< of the tokens (statistics.h), nats per token
};

/// The narrowest width that holds the ids of a vocabulary.
TokenWidth width_for(std::int64_t vocab_size);

/// The header as JSON.
std::string header_text(const TokenHeader& header);

/// And back. Throws Error that begins with `name` for what is no JSON, for a field that is missing,
/// unknown or out of range, and for another format version.
TokenHeader parse_header(const std::string& name, std::string_view text);

}  // namespace gptc::data

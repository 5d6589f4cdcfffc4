#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gptc::tokenizer {

/// How a text is cut into pieces before merging (see pretokenize.h).
enum class Pattern : std::uint8_t {
  gpt2,  ///< GPT-2's: a word with the space before it, a number, a run of signs, blanks
  gpt4,  ///< GPT-4's (cl100k_base): numbers of at most three digits, blanks split at line ends
  none   ///< the whole document is one piece
};

/// "gpt2", "gpt4" or "none", and back; nothing for another name.
std::string_view pattern_name(Pattern pattern);
std::optional<Pattern> pattern_of(std::string_view name);

/// The pattern as the regular expression that other programs read; empty for `none`. GPT-4's is the
/// one published with the model; later releases of tiktoken keep blanks that end a text in one
/// piece even where they hold a line end.
std::string_view pattern_regex(Pattern pattern);

}  // namespace gptc::tokenizer

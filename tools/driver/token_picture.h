// Tokens and merges as a person sees them on a terminal.
#pragma once

#include <string>
#include <string_view>

#include "frontend/tokenizer/tokenizer.h"

namespace gptc::driver {

enum class Colors : std::uint8_t { off, on };

/// On if `file` is a terminal and neither NO_COLOR (no-color.org) nor TERM=dumb speaks against it.
Colors colors_for(int file);

/// The text cut into its tokens, a line of text a line, each token on a colour of its own with its
/// id behind it; without colours "[The 464][ cat 3797]". What is not printable is escaped.
std::string token_picture(const tokenizer::Tokenizer& tokenizer, std::string_view text,
                          tokenizer::EncodeOptions options, Colors colors);

/// Merge by merge, piece by piece: the bytes, then a line for every merge with its rank.
std::string merge_picture(const tokenizer::Tokenizer& tokenizer, std::string_view text,
                          Colors colors);

/// Bytes for one line of a terminal: control characters, backslashes and what is no UTF-8 escaped.
std::string printable(std::string_view bytes);

}  // namespace gptc::driver

#pragma once

#include <cstddef>
#include <string_view>

#include "frontend/tokenizer/pattern.h"

namespace gptc::tokenizer {

/// The end of the piece (pre-token) that starts at `begin` < text.size(), which must be 0 or the
/// end of another piece. Merges never cross pieces. The pieces are the matches of the pattern's
/// regular expression (pattern_regex) with the classes of Unicode 16.0; they cover the text without
/// gaps, in linear time. This is the rule; PieceScanner gives the same pieces faster.
/// What the references leave undefined: a byte that is not part of valid UTF-8 counts as one
/// character of the class [^\s\p{L}\p{N}].
std::size_t piece_end(Pattern pattern, std::string_view text, std::size_t begin);

/// The first position >= `near` that surely is the end of a piece and after which a text may be
/// cut, so that the pieces of the two parts are the pieces of the whole; text.size() where there is
/// none. For work in parallel.
std::size_t safe_cut(Pattern pattern, std::string_view text, std::size_t near);

/// The last such position in a text of which more may follow, 0 where there is none: the pieces
/// before it are the same whatever follows. For work on a stream.
std::size_t last_safe_cut(Pattern pattern, std::string_view text);

}  // namespace gptc::tokenizer

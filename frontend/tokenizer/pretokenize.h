#pragma once

#include <cstddef>
#include <string_view>

namespace gptc::tokenizer {

/// The end of the piece (pre-token) that starts at `begin` < text.size(), which must be 0 or the
/// end of another piece. Merges never cross pieces. The pieces are the matches of GPT-2's pattern
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// with the classes of Unicode 16.0; they cover the text without gaps, in linear time.
/// What the references leave undefined: a byte that is not part of valid UTF-8 counts as one
/// character of the class [^\s\p{L}\p{N}].
std::size_t piece_end(std::string_view text, std::size_t begin);

/// The first position >= `near` where a text may be cut so that the pieces of the two parts are the
/// pieces of the whole; text.size() where there is none. For work in parallel.
std::size_t safe_cut(std::string_view text, std::size_t near);

}  // namespace gptc::tokenizer

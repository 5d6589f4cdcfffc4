#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/tokenizer.h"

namespace gptc::tokenizer {

/// One merge of two neighbours while a piece is encoded.
struct MergeStep {
  std::int32_t rank;
  std::size_t place;  ///< of the left one among the tokens there were before
  std::int32_t result;
};

/// How a piece of a text becomes tokens.
struct ExplainedPiece {
  std::size_t begin;  ///< bytes of the text
  std::size_t end;
  std::vector<std::int32_t> bytes;  ///< its tokens before the first merge
  std::vector<MergeStep> steps;
  std::vector<std::int32_t> ids;  ///< and after the last
};

/// The longest piece that explain() takes, in bytes: its time is quadratic.
inline constexpr std::size_t kLongestExplained = 4096;

/// The steps that the rule makes (see merge_piece in bpe.h), for people to look at; encode() comes
/// to the same ids by shorter ways. Special tokens are ordinary text. Throws Error for a longer
/// piece.
std::vector<ExplainedPiece> explain(const Tokenizer& tokenizer, std::string_view text);

}  // namespace gptc::tokenizer

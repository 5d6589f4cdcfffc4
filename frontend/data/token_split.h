#pragma once

#include <cstdint>

#include "frontend/data/token_view.h"

namespace gptc::data {

struct SplitOptions {
  /// Part of the tokens kept for validation, in [0, 1); 0 keeps none.
  double validation_fraction = 0.1;
  /// Positions of one window (T); a window takes T + 1 tokens, as targets are the inputs moved by
  /// one.
  std::int64_t context = 0;
};

struct TokenSplit {
  TokenView train;
  TokenView validation;
};

/// Cuts a stream of tokens once: the first part trains, the last floor(n * validation_fraction)
/// validate. The end and not a random choice, because windows cut from between training windows
/// would share sentences with them. Throws Error if a part that is asked for is shorter than
/// context + 1 tokens.
TokenSplit split_tokens(const TokenView& tokens, const SplitOptions& options);

}  // namespace gptc::data

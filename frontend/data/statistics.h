#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace gptc::data {

/// The corpus's unigram entropy in nats per token: H = -sum over tokens v of p(v) ln p(v), where
/// p(v) is the share of v among all `tokens`. It is the loss of the best model that knows how
/// frequent each token is and nothing of what stands before; a model below it has learned from
/// context. 0 for no tokens.
double unigram_entropy(std::span<const std::int32_t> tokens);

/// The same from how often each token occurs.
double unigram_entropy_of_counts(std::vector<std::uint64_t> counts);

/// A loss in nats per token as bits per byte of text: loss * tokens / (bytes * ln 2). Unlike the
/// loss it compares models with different tokenizers. Throws Error unless tokens and bytes are
/// above 0.
double bits_per_byte(double nats_per_token, std::uint64_t tokens, std::uint64_t bytes);

}  // namespace gptc::data

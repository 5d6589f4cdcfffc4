// One token from logits.
#pragma once

#include <cstdint>
#include <span>

namespace gptc::driver {

struct SamplingOptions {
  double temperature = 1;  // 0: the most likely token
  std::int64_t top_k = 0;  // 0: all; otherwise the k most likely, ties at the k-th included
  std::uint64_t seed = 1;
};

/// UserError for a negative or not finite temperature, or a negative top_k.
void check_sampling(const SamplingOptions& options);

/// Where in the stream of random numbers a draw stands: the same draw gives the same token.
struct Draw {
  std::uint64_t sample = 0;    // which text
  std::uint64_t position = 0;  // which token of it
};

/// Temperature, then top-k, then a draw from the softmax of what is left. Of equal logits the
/// smallest id wins where the choice is greedy. UserError if a logit is not a number.
std::int32_t sample_token(std::span<const float> logits, const SamplingOptions& options, Draw draw);

}  // namespace gptc::driver

// What a person can say about how the next token is chosen.
#pragma once

#include <cstdint>
#include <vector>

namespace gptc::driver {

/// Added to the logit of one token; -inf forbids it.
struct LogitBias {
  std::int32_t token = 0;
  float value = 0;
};

/// Every default leaves the model's distribution as it is. What each does: steps.h.
struct SamplingOptions {
  double temperature = 1;             // 0: the most likely token
  std::int64_t top_k = 0;             // 0: all
  double top_p = 1;                   // 1: all
  double min_p = 0;                   // 0: all
  double repetition_penalty = 1;      // above 1: what the text has is less likely
  std::int64_t no_repeat_ngram = 0;   // 0: anything may come again
  std::vector<LogitBias> logit_bias;  // each token once
  std::uint64_t seed = 1;
};

/// UserError naming the flag and its value for what is out of range.
void check_sampling(const SamplingOptions& options);
/// The same, and that every token of logit_bias is below `vocabulary`.
void check_sampling(const SamplingOptions& options, std::int64_t vocabulary);

}  // namespace gptc::driver

// What the model itself thinks of a token, whatever sampling makes of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gptc::driver {

struct TokenProbability {
  std::int32_t token = 0;
  float log_probability = 0;  // natural
};

/// log softmax of logits f32[V], which outlive it.
class LogProbabilities {
 public:
  explicit LogProbabilities(std::span<const float> logits);

  [[nodiscard]] float of(std::int32_t token) const;
  /// The most probable tokens, the best first, of equals the smallest id; at most `count`.
  [[nodiscard]] std::vector<TokenProbability> top(std::size_t count) const;

 private:
  std::span<const float> logits_;
  double normaliser_;  // log of the sum of exp(logits)
};

}  // namespace gptc::driver

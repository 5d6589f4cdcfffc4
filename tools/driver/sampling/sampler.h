// One token from logits.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "tools/driver/sampling/candidates.h"
#include "tools/driver/sampling/history.h"
#include "tools/driver/sampling/options.h"

namespace gptc::driver {

/// Where in the stream of random numbers a draw stands: the same seed and draw give the same token
/// for equal logits, whatever was drawn before.
struct Draw {
  std::uint64_t sample = 0;    // which text
  std::uint64_t position = 0;  // which token of it
};

/// The steps of steps.h, then a draw from the softmax of what is left. Serves any number of texts:
/// it keeps nothing of them. A call allocates nothing.
class Sampler {
 public:
  /// UserError for options that are out of range.
  Sampler(SamplingOptions options, std::int64_t vocabulary);

  /// The token after `history` by its logits f32[V]; nothing if every token is forbidden. UserError
  /// if a logit is NaN or +inf.
  std::optional<std::int32_t> sample(std::span<const float> logits, History& history, Draw draw);

  [[nodiscard]] const SamplingOptions& options() const { return options_; }

 private:
  SamplingOptions options_;
  Candidates candidates_;
};

}  // namespace gptc::driver

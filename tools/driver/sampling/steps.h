// What happens to the logits between the model and the draw.
#pragma once

#include <span>
#include <string_view>

#include "tools/driver/sampling/candidates.h"
#include "tools/driver/sampling/history.h"
#include "tools/driver/sampling/options.h"

namespace gptc::driver {

struct SamplingStep {
  std::string_view name;
  std::string_view doc;
  bool (*active)(const SamplingOptions& options);
  void (*apply)(Candidates& candidates, const SamplingOptions& options, History& history);
};

/// In the order in which they apply; the names, rules and order are those of Hugging Face's logits
/// processors. `history` is the whole text, the prompt and what has left the context included.
std::span<const SamplingStep> sampling_steps();

}  // namespace gptc::driver

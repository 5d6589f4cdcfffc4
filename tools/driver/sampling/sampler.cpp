#include "tools/driver/sampling/sampler.h"

#include <utility>

#include "backends/runtime/philox.h"
#include "tools/driver/sampling/steps.h"

namespace gptc::driver {

Sampler::Sampler(SamplingOptions options, std::int64_t vocabulary)
    : options_(std::move(options)), candidates_(static_cast<std::size_t>(vocabulary)) {
  check_sampling(options_, vocabulary);
}

std::optional<std::int32_t> Sampler::sample(std::span<const float> logits, History& history,
                                            Draw draw) {
  candidates_.begin(logits);
  for (const SamplingStep& step : sampling_steps()) {
    if (step.active(options_)) step.apply(candidates_, options_, history);
  }
  if (candidates_.none_left()) return std::nullopt;
  const std::uint32_t word = runtime::philox_word(draw.position, draw.sample, options_.seed);
  return candidates_.draw(runtime::uniform_of(word));
}

}  // namespace gptc::driver

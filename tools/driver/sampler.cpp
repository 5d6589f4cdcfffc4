#include "tools/driver/sampler.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "backends/runtime/philox.h"
#include "ir/check.h"

namespace gptc::driver {
namespace {

/// The k-th largest; logits below it are out.
float threshold(std::span<const float> logits, std::int64_t k) {
  const auto count = static_cast<std::int64_t>(logits.size());
  if (k == 0 || k >= count) return -INFINITY;
  std::vector<float> sorted(logits.begin(), logits.end());
  const auto kth = sorted.begin() + (k - 1);
  std::nth_element(sorted.begin(), kth, sorted.end(), std::greater<>());
  return *kth;
}

}  // namespace

void check_sampling(const SamplingOptions& options) {
  ir::user_check(std::isfinite(options.temperature) && options.temperature >= 0,
                 "--temperature: it must be at least 0 (0: the most likely token), but got {}",
                 options.temperature);
  ir::user_check(options.top_k >= 0, "--top-k: it must be at least 1, but got {}", options.top_k);
}

std::int32_t sample_token(std::span<const float> logits, const SamplingOptions& options,
                          Draw draw) {
  ir::user_check(std::ranges::none_of(logits, [](float x) { return std::isnan(x); }),
                 "sampling: the model gives logits that are not numbers; its weights are damaged");
  const auto best = std::ranges::max_element(logits);
  if (options.temperature == 0) return static_cast<std::int32_t>(best - logits.begin());
  const float least = threshold(logits, options.top_k);
  std::vector<double> cumulative(logits.size());
  double total = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] >= least)
      total += std::exp((static_cast<double>(logits[i]) - static_cast<double>(*best)) /
                        options.temperature);
    cumulative[i] = total;
  }
  const double u =
      runtime::uniform_of(runtime::philox_word(draw.position, draw.sample, options.seed));
  const auto drawn = std::ranges::upper_bound(cumulative, u * total);
  return static_cast<std::int32_t>(drawn - cumulative.begin());
}

}  // namespace gptc::driver

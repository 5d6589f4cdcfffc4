#include "tools/driver/sampling/log_probabilities.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tools/driver/sampling/weights.h"

namespace gptc::driver {
namespace {

double log_sum_exp(std::span<const float> logits) {
  constexpr std::size_t part = 1024;
  const float best = *std::ranges::max_element(logits);
  std::array<float, part> weights{};
  double sum = 0;
  for (std::size_t i = 0; i < logits.size(); i += part) {
    const auto scores = logits.subspan(i, std::min(part, logits.size() - i));
    const auto out = std::span(weights).first(scores.size());
    weigh(scores, best, 1, out);
    sum += sum_of(out);
  }
  return static_cast<double>(best) + std::log(sum);
}

}  // namespace

LogProbabilities::LogProbabilities(std::span<const float> logits)
    : logits_(logits), normaliser_(log_sum_exp(logits)) {}

float LogProbabilities::of(std::int32_t token) const {
  const float logit = logits_[static_cast<std::size_t>(token)];
  return static_cast<float>(static_cast<double>(logit) - normaliser_);
}

std::vector<TokenProbability> LogProbabilities::top(std::size_t count) const {
  const auto better = [&](std::int32_t a, std::int32_t b) {
    const float left = logits_[static_cast<std::size_t>(a)];
    const float right = logits_[static_cast<std::size_t>(b)];
    return left > right || (left == right && a < b);
  };
  count = std::min(count, logits_.size());
  std::vector<std::int32_t> best;  // a heap whose front is the worst
  best.reserve(count + 1);
  float worst = -INFINITY;  // of a full heap; what equals it has a larger id
  for (std::size_t i = 0; count > 0 && i < logits_.size(); ++i) {
    if (best.size() == count && logits_[i] <= worst) continue;
    best.push_back(static_cast<std::int32_t>(i));
    std::ranges::push_heap(best, better);
    if (best.size() > count) {
      std::ranges::pop_heap(best, better);
      best.pop_back();
    }
    worst = logits_[static_cast<std::size_t>(best.front())];
  }
  std::ranges::sort_heap(best, better);
  std::vector<TokenProbability> probabilities;
  probabilities.reserve(best.size());
  for (const std::int32_t token : best) probabilities.push_back({token, of(token)});
  return probabilities;
}

}  // namespace gptc::driver

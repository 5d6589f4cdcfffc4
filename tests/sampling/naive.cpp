#include "tests/sampling/naive.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace gptc::testing {
namespace {

using Scores = std::vector<float>;
using Options = driver::SamplingOptions;

constexpr float never = -INFINITY;

void change_scores(Scores& scores, const Options& options, std::span<const std::int32_t> text) {
  for (const auto& [token, value] : options.logit_bias)
    scores[static_cast<std::size_t>(token)] += value;
  const auto penalty = static_cast<float>(options.repetition_penalty);
  for (std::size_t token = 0; token < scores.size(); ++token) {
    if (std::ranges::count(text, static_cast<std::int32_t>(token)) == 0) continue;
    scores[token] = scores[token] < 0 ? scores[token] * penalty : scores[token] / penalty;
  }
  const auto n = static_cast<std::size_t>(options.no_repeat_ngram);
  for (std::size_t token = 0; n > 0 && token < scores.size(); ++token) {
    std::vector<std::int32_t> next(text.begin(), text.end());
    next.push_back(static_cast<std::int32_t>(token));
    if (next.size() < n) continue;
    const std::vector<std::int32_t> run(next.end() - static_cast<std::ptrdiff_t>(n), next.end());
    if (std::search(text.begin(), text.end(), run.begin(), run.end()) != text.end())
      scores[token] = never;
  }
}

std::vector<double> softmax(const Scores& scores, double temperature) {
  std::vector<double> weights(scores.size());
  const auto best = static_cast<double>(*std::ranges::max_element(scores));
  for (std::size_t i = 0; i < scores.size(); ++i)
    weights[i] = std::exp((static_cast<double>(scores[i]) - best) / temperature);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= sum;
  return weights;
}

/// Token ids, the best score first, of equal ones the smallest id.
std::vector<std::size_t> ranking(const Scores& scores) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order,
                           [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  return order;
}

void top_k(Scores& scores, std::int64_t k) {
  if (k <= 0 || k >= static_cast<std::int64_t>(scores.size())) return;
  const float kth = scores[ranking(scores)[static_cast<std::size_t>(k - 1)]];
  for (float& score : scores) score = score < kth ? never : score;
}

void top_p(Scores& scores, const Options& options) {
  if (options.top_p >= 1) return;
  const std::vector<double> probabilities = softmax(scores, options.temperature);
  double before = 0;
  bool first = true;
  for (const std::size_t token : ranking(scores)) {
    if (!first && before >= options.top_p) scores[token] = never;
    before += probabilities[token];
    first = false;
  }
}

void min_p(Scores& scores, const Options& options) {
  const std::vector<double> probabilities = softmax(scores, options.temperature);
  const double best = *std::ranges::max_element(probabilities);
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (probabilities[i] < options.min_p * best) scores[i] = never;
}

}  // namespace

std::vector<double> naive_distribution(std::span<const float> logits, const Options& options,
                                       std::span<const std::int32_t> text) {
  Scores scores(logits.begin(), logits.end());
  change_scores(scores, options, text);
  if (*std::ranges::max_element(scores) == never) return std::vector<double>(scores.size());
  if (options.temperature == 0) {
    std::vector<double> certain(scores.size());
    certain[ranking(scores).front()] = 1;
    return certain;
  }
  top_k(scores, options.top_k);
  top_p(scores, options);
  min_p(scores, options);
  return softmax(scores, options.temperature);
}

std::vector<std::int32_t> naive_support(std::span<const double> probabilities) {
  std::vector<std::int32_t> tokens;
  for (std::size_t i = 0; i < probabilities.size(); ++i)
    if (probabilities[i] > 0) tokens.push_back(static_cast<std::int32_t>(i));
  return tokens;
}

std::vector<float> random_logits(std::mt19937& random, std::size_t count, float width, float step) {
  std::vector<float> logits(count);
  std::normal_distribution<float> normal(0, width);
  for (float& logit : logits) {
    logit = normal(random);
    if (step > 0) logit = std::round(logit / step) * step;
    if (random() % 50 == 0) logit = never;
  }
  logits[random() % count] = width;  // one at least can be drawn
  return logits;
}

}  // namespace gptc::testing

#include "tools/driver/sampling/steps.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace gptc::driver {
namespace {

void logit_bias(Candidates& candidates, const SamplingOptions& options, History& /*history*/) {
  const std::span<float> scores = candidates.change();
  for (const LogitBias& bias : options.logit_bias)
    scores[static_cast<std::size_t>(bias.token)] += bias.value;
}

/// Keskar et al. 2019, "CTRL", section 4.1; scores below 0 are multiplied so that they fall, too.
void repetition_penalty(Candidates& candidates, const SamplingOptions& options, History& history) {
  const std::span<float> scores = candidates.change();
  const auto penalty = static_cast<float>(options.repetition_penalty);
  for (const std::int32_t token : history.distinct(scores.size())) {
    float& score = scores[static_cast<std::size_t>(token)];
    score = score < 0 ? score * penalty : score / penalty;
  }
}

/// Paulus et al. 2017, "A deep reinforced model for abstractive summarization", section 2.5.
void no_repeat_ngram(Candidates& candidates, const SamplingOptions& options, History& history) {
  const std::span<float> scores = candidates.change();
  const std::span<const std::int32_t> text = history.tokens();
  const auto before = static_cast<std::size_t>(options.no_repeat_ngram - 1);
  if (text.size() <= before) return;
  const std::span<const std::int32_t> end = text.last(before);
  for (std::size_t at = 0; at + before < text.size(); ++at) {
    if (std::ranges::equal(text.subspan(at, before), end))
      scores[static_cast<std::size_t>(text[at + before])] = -INFINITY;
  }
}

void temperature(Candidates& candidates, const SamplingOptions& options, History& /*history*/) {
  if (options.temperature == 0)
    candidates.keep_best();
  else
    candidates.set_temperature(options.temperature);
}

/// Fan et al. 2018, "Hierarchical neural story generation".
void top_k(Candidates& candidates, const SamplingOptions& options, History& /*history*/) {
  candidates.keep_largest(options.top_k);
}

/// Holtzman et al. 2019, "The curious case of neural text degeneration".
void top_p(Candidates& candidates, const SamplingOptions& options, History& /*history*/) {
  candidates.keep_mass(options.top_p);
}

/// Nguyen et al. 2024, "Turning up the heat: min-p sampling".
void min_p(Candidates& candidates, const SamplingOptions& options, History& /*history*/) {
  candidates.keep_ratio(options.min_p);
}

using Options = SamplingOptions;

// Scores change first, so that what they forbid takes no place among the k best or in the mass p.
constexpr std::array<SamplingStep, 7> steps = {{
    {"logit_bias", "adds a number to the logit of each token given; -inf forbids it",
     [](const Options& o) { return !o.logit_bias.empty(); }, logit_bias},
    {"repetition_penalty",
     "logits of tokens that the text has are divided by it if above 0, else multiplied",
     [](const Options& o) { return o.repetition_penalty != 1; }, repetition_penalty},
    {"no_repeat_ngram", "forbids tokens that would end a run of n tokens that the text has",
     [](const Options& o) { return o.no_repeat_ngram > 0; }, no_repeat_ngram},
    {"temperature", "divides the logits; 0 keeps the best alone, of equals the smallest id",
     [](const Options& o) { return o.temperature != 1; }, temperature},
    {"top_k", "keeps tokens at least as good as the k-th best: ties stay",
     [](const Options& o) { return o.top_k > 0; }, top_k},
    {"top_p",
     "keeps the fewest tokens with at least p of the probability: the one that crosses p stays",
     [](const Options& o) { return o.top_p < 1; }, top_p},
    {"min_p", "keeps tokens at least min_p times as probable as the best",
     [](const Options& o) { return o.min_p > 0; }, min_p},
}};

}  // namespace

std::span<const SamplingStep> sampling_steps() { return steps; }

}  // namespace gptc::driver

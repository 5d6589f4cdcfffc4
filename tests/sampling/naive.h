// The definitions of sampling, written down straight: probabilities in f64, everything sorted.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "tools/driver/sampling/options.h"

namespace gptc::testing {

/// The probability of each token behind `text`; all 0 if every token is forbidden.
std::vector<double> naive_distribution(std::span<const float> logits,
                                       const driver::SamplingOptions& options,
                                       std::span<const std::int32_t> text);

/// Ascending tokens with probability above 0.
std::vector<std::int32_t> naive_support(std::span<const double> probabilities);

/// Random logits: with ties, where `step` > 0 makes them its multiples, and some -inf.
std::vector<float> random_logits(std::mt19937& random, std::size_t count, float width, float step);

}  // namespace gptc::testing

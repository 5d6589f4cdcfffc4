// Unnormalised probabilities, fast enough for a whole vocabulary a step. The same numbers on every
// instruction set: plain loops that compilers turn into vectors without changing their order.
#pragma once

#include <span>

namespace gptc::driver {

/// weights[i] = exp((scores[i] - best) * scale), within 3e-7 of it where that is above 1e-30; 0
/// where the score is -inf or far below. `best` is the largest score, which is not -inf; none is
/// NaN; smallest_scale <= scale < inf.
inline constexpr float smallest_scale = 1e-36F;
void weigh(std::span<const float> scores, float best, float scale, std::span<float> weights);

/// In blocks of 64, whose sums are joined in f64.
double sum_of(std::span<const float> weights);

/// The first index whose weight makes the sum of the weights up to it exceed `target`; the last one
/// above 0 if rounding leaves none. At least one weight is above 0; 0 <= target.
std::size_t index_at(std::span<const float> weights, double target);

}  // namespace gptc::driver

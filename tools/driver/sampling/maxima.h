// The largest of each block of scores: the one pass over a vocabulary that every token costs.
#pragma once

#include <cstddef>
#include <span>

namespace gptc::driver {

/// maxima[b] = the largest of scores[b * block .. (b + 1) * block), NaN left out; the last block
/// may be short. Returns whether no score is NaN or +inf.
bool find_maxima(std::span<const float> scores, std::size_t block, std::span<float> maxima);

}  // namespace gptc::driver

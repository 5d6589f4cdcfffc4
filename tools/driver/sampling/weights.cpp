#include "tools/driver/sampling/weights.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace gptc::driver {
namespace {

constexpr std::size_t block = 64;
constexpr std::size_t lanes = 8;

/// e^x for x from -87 to 0: x = n ln 2 + r, the polynomial of Cephes' expf in r, then 2^n.
inline float exponential(float x) {
  constexpr float log2_e = 1.44269504F;
  constexpr float round = 12582912.F;  // 1.5 * 2^23: adding it rounds to a whole number
  constexpr float ln2_high = 0.693359375F;
  constexpr float ln2_low = -2.12194440e-4F;
  const float shifted = x * log2_e + round;
  const float n = shifted - round;
  const float r = (x - n * ln2_high) - n * ln2_low;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.F;
  const auto exponent = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(round);
  return p * std::bit_cast<float>((exponent + 127) * (1 << 23));
}

/// Of at most `block` weights.
double sum_of_block(std::span<const float> weights) {
  std::array<float, lanes> sums{};
  const std::size_t whole = weights.size() / lanes * lanes;
  for (std::size_t i = 0; i < whole; i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += weights[i + lane];
  }
  double total = 0;
  for (const float sum : sums) total += static_cast<double>(sum);
  for (const float weight : weights.subspan(whole)) total += static_cast<double>(weight);
  return total;
}

}  // namespace

// Two loops: in one, compilers branch where x is `least`, and then make no vectors.
void weigh(std::span<const float> scores, float best, float scale, std::span<float> weights) {
  constexpr float least = -86.F;
  constexpr float far = -3e38F;  // a float that takes -inf's place
  const float nothing = exponential(least);
  const float* in = scores.data();
  float* out = weights.data();
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const float below = in[i] - best;
    const float x = (below > far ? below : far) * scale;
    out[i] = x > least ? x : least;
  }
  for (std::size_t i = 0; i < scores.size(); ++i) out[i] = exponential(out[i]) - nothing;
}

double sum_of(std::span<const float> weights) {
  double total = 0;
  for (std::size_t i = 0; i < weights.size(); i += block)
    total += sum_of_block(weights.subspan(i, std::min(block, weights.size() - i)));
  return total;
}

std::size_t index_at(std::span<const float> weights, double target) {
  double before = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < weights.size(); i += block) {
    const std::span<const float> part = weights.subspan(i, std::min(block, weights.size() - i));
    const double sum = sum_of_block(part);
    if (before + sum > target) {
      double within = before;
      for (std::size_t j = 0; j < part.size(); ++j) {
        within += static_cast<double>(part[j]);
        if (part[j] > 0) last = i + j;
        if (within > target) return i + j;
      }
      return last;  // the block's sum, otherwise rounded, lies beyond
    }
    if (sum > 0) last = i;
    before += sum;
  }
  std::size_t end = std::min(last + block, weights.size());  // `last` begins the last block above 0
  while (end > last + 1 && !(weights[end - 1] > 0)) --end;
  return end - 1;
}

}  // namespace gptc::driver

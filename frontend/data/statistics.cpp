#include "frontend/data/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <unordered_map>
#include <utility>
#include <vector>

#include "frontend/data/error.h"

namespace gptc::data {

double unigram_entropy(std::span<const std::int32_t> tokens) {
  std::unordered_map<std::int32_t, std::uint64_t> of_token;
  for (const std::int32_t token : tokens) ++of_token[token];
  std::vector<std::uint64_t> counts;
  counts.reserve(of_token.size());
  for (const auto& [token, count] : of_token) counts.push_back(count);
  return unigram_entropy_of_counts(std::move(counts));
}

double unigram_entropy_of_counts(std::vector<std::uint64_t> counts) {
  std::erase(counts, 0U);
  double tokens = 0;
  for (const std::uint64_t count : counts) tokens += static_cast<double>(count);
  std::ranges::sort(counts);  // smallest terms first, and the same sum on every machine
  double entropy = 0;
  for (const std::uint64_t count : counts) {
    const double p = static_cast<double>(count) / tokens;
    entropy -= p * std::log(p);
  }
  return std::max(entropy, 0.0);
}

double bits_per_byte(double nats_per_token, std::uint64_t tokens, std::uint64_t bytes) {
  if (tokens == 0 || bytes == 0)
    throw Error(fmt::format("bits per byte needs tokens and bytes, but there are {} and {}", tokens,
                            bytes));
  return nats_per_token * static_cast<double>(tokens) /
         (static_cast<double>(bytes) * std::numbers::ln2);
}

}  // namespace gptc::data

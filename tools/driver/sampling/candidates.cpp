#include "tools/driver/sampling/candidates.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "ir/check.h"
#include "tools/driver/sampling/maxima.h"
#include "tools/driver/sampling/weights.h"

namespace gptc::driver {
namespace {

constexpr std::size_t block = 64;
constexpr std::size_t bin_bits = 11;
constexpr float forbidden = -INFINITY;

constexpr std::size_t blocks_of(std::size_t count) { return (count + block - 1) / block; }

/// For any temperature above 0.
float scale_of(double temperature) {
  constexpr double largest = 1e30;
  return static_cast<float>(
      std::clamp(1 / temperature, static_cast<double>(smallest_scale), largest));
}

}  // namespace

Candidates::Candidates(std::size_t vocabulary)
    : every_token_(vocabulary),
      kept_tokens_(vocabulary),
      kept_scores_(vocabulary),
      weights_(vocabulary),
      block_maxima_(blocks_of(vocabulary)),
      scratch_(vocabulary),
      bins_(std::size_t{1} << bin_bits) {
  std::iota(every_token_.begin(), every_token_.end(), 0);
}

void Candidates::begin(std::span<const float> logits) {
  ir::internal_check(logits.size() == every_token_.size() && !logits.empty(),
                     "sampling: {} logits for {} tokens", logits.size(), every_token_.size());
  logits_ = logits;
  tokens_ = every_token_;
  scores_ = logits_;
  ranked_ = false;
  weighed_ = false;
  temperature_ = 1;
}

std::span<float> Candidates::change() {
  ir::internal_check(!ranked_, "sampling: scores change after tokens were chosen");
  if (logits_.data() != changed_.data()) {
    changed_.assign(logits_.begin(), logits_.end());
    logits_ = changed_;
    scores_ = logits_;
  }
  return changed_;
}

void Candidates::rank() {
  if (ranked_) return;
  ir::user_check(find_maxima(logits_, block, block_maxima_),
                 "sampling: the model gives logits that are not numbers; its weights are damaged");
  best_ = *std::ranges::max_element(block_maxima_);
  ranked_ = true;
}

bool Candidates::none_left() {
  rank();
  return best_ == forbidden;
}

void Candidates::set_temperature(double temperature) {
  ir::internal_check(temperature > 0 && !weighed_, "sampling: a temperature of {}", temperature);
  temperature_ = temperature;
}

/// Moves what stays of [begin, end) to the front of the kept; `kept` counts them.
template <class Keep>
void Candidates::keep_if(std::size_t begin, std::size_t end, Keep keep, std::size_t& kept) {
  for (std::size_t i = begin; i < end; ++i) {
    const bool stays = keep(i);
    kept_tokens_[kept] = tokens_[i];
    kept_scores_[kept] = scores_[i];
    if (weighed_) weights_[kept] = weights_[i];
    kept += stays ? 1U : 0U;
  }
}

void Candidates::take_kept(std::size_t count) {
  tokens_ = std::span<const std::int32_t>(kept_tokens_).first(count);
  scores_ = std::span<const float>(kept_scores_).first(count);
}

void Candidates::keep_at_least(float score) {
  const auto stays = [&](std::size_t i) { return scores_[i] >= score; };
  std::size_t kept = 0;
  if (all()) {
    for (std::size_t b = 0; b < block_maxima_.size(); ++b) {
      if (block_maxima_[b] >= score)
        keep_if(b * block, std::min((b + 1) * block, tokens_.size()), stays, kept);
    }
  } else {
    keep_if(0, tokens_.size(), stays, kept);
  }
  take_kept(kept);
}

void Candidates::keep_best() {
  rank();
  keep_at_least(best_);
  take_kept(1);
}

/// The k-th largest maximum of a block is a bound: k scores are at least as large.
float Candidates::kth_largest(std::size_t k) {
  const auto kth = [&](std::size_t count) {
    const auto at = scratch_.begin() + static_cast<std::ptrdiff_t>(k - 1);
    std::nth_element(scratch_.begin(), at, scratch_.begin() + static_cast<std::ptrdiff_t>(count),
                     std::greater<>());
    return *at;
  };
  if (!all() || k > block_maxima_.size()) {
    std::ranges::copy(scores_, scratch_.begin());
    return kth(scores_.size());
  }
  std::ranges::copy(block_maxima_, scratch_.begin());
  const float bound = kth(block_maxima_.size());
  std::size_t count = 0;
  for (std::size_t b = 0; b < block_maxima_.size(); ++b) {
    if (block_maxima_[b] < bound) continue;
    for (std::size_t i = b * block; i < std::min((b + 1) * block, scores_.size()); ++i) {
      scratch_[count] = scores_[i];
      count += scores_[i] >= bound ? 1U : 0U;
    }
  }
  return kth(count);
}

void Candidates::keep_largest(std::int64_t k) {
  rank();
  if (k >= static_cast<std::int64_t>(tokens_.size())) return;
  keep_at_least(kth_largest(static_cast<std::size_t>(k)));
}

/// The score whose weight is this.
float Candidates::score_at(double weight) const {
  constexpr double lowest = std::numeric_limits<float>::lowest();
  const double score = static_cast<double>(best_) + temperature_ * std::log(weight);
  return static_cast<float>(std::max(score, lowest));
}

void Candidates::keep_ratio(double ratio) {
  rank();
  if (ratio > 0) keep_at_least(score_at(ratio));
}

std::span<const float> Candidates::weights() {
  rank();
  const std::span<float> all_weights = std::span(weights_).first(scores_.size());
  if (!weighed_) weigh(scores_, best_, scale_of(temperature_), all_weights);
  weighed_ = true;
  return all_weights;
}

/// From the largest weight down, by the bits of the weights, which order them: 11, 11 and 10.
Candidates::Crossing Candidates::crossing(double wanted) {
  constexpr std::array<int, 3> shifts = {21, 10, 0};
  const std::span<const float> given = weights();
  std::uint32_t prefix = 0;
  std::uint32_t known = 0;  // which bits `prefix` has
  double above = 0;
  double within = 0;
  for (const int shift : shifts) {
    const std::uint32_t mask = (shift == 0 ? std::uint32_t{1} << 10 : std::uint32_t{1} << 11) - 1;
    std::ranges::fill(bins_, 0.0);
    for (const float weight : given) {
      const auto bits = std::bit_cast<std::uint32_t>(weight);
      if ((bits & known) == prefix) bins_[bits >> shift & mask] += static_cast<double>(weight);
    }
    within = 0;
    std::uint32_t chosen = 0;
    for (std::uint32_t bin = mask + 1; bin-- > 0;) {
      if (bins_[bin] <= 0) continue;
      above += within;
      within = bins_[bin];
      chosen = bin;
      if (above + within >= wanted) break;
    }
    prefix |= chosen << shift;
    known |= mask << shift;
  }
  const float weight = std::bit_cast<float>(prefix);
  const double equal = std::ceil((wanted - above) / static_cast<double>(weight));
  return {weight,
          static_cast<std::int64_t>(std::clamp(equal, 1.0, static_cast<double>(given.size())))};
}

void Candidates::keep_mass(double share) {
  if (none_left()) return;
  const double total = sum_of(weights());
  // All below this weight together have less than 1 - share; half of it leaves room for rounding.
  const double least = (1 - share) * total / static_cast<double>(tokens_.size()) / 2;
  if (least > 0) keep_at_least(score_at(least));
  const Crossing end = crossing(share * total);
  std::int64_t equal = end.equal;
  std::size_t kept = 0;
  keep_if(
      0, tokens_.size(),
      [&](std::size_t i) {
        return weights_[i] > end.weight || (weights_[i] == end.weight && equal-- > 0);
      },
      kept);
  take_kept(kept);
}

std::int32_t Candidates::draw(double place) {
  if (tokens_.size() == 1) return tokens_.front();
  const std::span<const float> given = weights();
  return tokens_[index_at(given, place * sum_of(given))];
}

}  // namespace gptc::driver

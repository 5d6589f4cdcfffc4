#include "frontend/data/fixed_windows.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/data/error.h"

namespace gptc::data {

FixedWindows::FixedWindows(const TokenView& tokens, const FixedWindowsOptions& options)
    : tokens_(tokens),
      batch_(static_cast<std::uint64_t>(options.batch)),
      context_(static_cast<std::uint64_t>(options.context)) {
  constexpr std::int64_t limit = std::int64_t{1} << 31;
  if (options.batch < 1 || options.batch > limit || options.context < 1 || options.context > limit)
    throw Error(fmt::format("batch and context must be from 1 to {}, but are {} and {}", limit,
                            options.batch, options.context));
  if (options.max_windows < 0)
    throw Error(fmt::format("the number of validation windows must be at least 0, but is {}",
                            options.max_windows));
  if (tokens.size() < 2)
    throw Error(fmt::format("validation needs at least 2 tokens, but has {}; give more text",
                            tokens.size()));
  cut_ = (tokens.size() - 1 + context_ - 1) / context_;
  windows_ = options.max_windows == 0
                 ? cut_
                 : std::min(cut_, static_cast<std::uint64_t>(options.max_windows));
}

FixedWindows::Window FixedWindows::window(std::uint64_t index) const {
  // floor(index * cut / windows), in parts that cannot overflow.
  const std::uint64_t place = index * (cut_ / windows_) + index * (cut_ % windows_) / windows_;
  const std::uint64_t start = place * context_;
  return {start, std::min(context_, tokens_.size() - start - 1)};
}

std::int64_t FixedWindows::targets() const {
  std::uint64_t total = 0;
  for (std::uint64_t i = 0; i < windows_; ++i) total += window(i).targets;
  return static_cast<std::int64_t>(total);
}

std::int64_t FixedWindows::batch(std::int64_t index, std::span<std::int32_t> inputs,
                                 std::span<std::int32_t> targets) const {
  if (index < 0 || index >= batches())
    throw Error(fmt::format("there are {} validation batches, but number {} was asked for",
                            batches(), index));
  if (inputs.size() != batch_ * context_ || targets.size() != inputs.size())
    throw Error(
        fmt::format("a batch of {}x{} needs {} inputs and targets, but the spans hold {} and {}",
                    batch_, context_, batch_ * context_, inputs.size(), targets.size()));
  std::ranges::fill(inputs, 0);
  std::ranges::fill(targets, no_target);
  const std::uint64_t first = static_cast<std::uint64_t>(index) * batch_;
  std::int64_t filled = 0;
  for (std::uint64_t row = 0; row < batch_ && first + row < windows_; ++row) {
    const Window taken = window(first + row);
    tokens_.read(taken.begin, inputs.subspan(row * context_, taken.targets));
    tokens_.read(taken.begin + 1, targets.subspan(row * context_, taken.targets));
    filled += static_cast<std::int64_t>(taken.targets);
  }
  return filled;
}

}  // namespace gptc::data

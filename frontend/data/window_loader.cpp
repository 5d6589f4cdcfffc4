#include "frontend/data/window_loader.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/data/error.h"
#include "frontend/data/permutation.h"

namespace gptc::data {

WindowLoader::WindowLoader(const TokenView& tokens, const LoaderOptions& options)
    : tokens_(tokens),
      batch_(static_cast<std::uint64_t>(options.batch)),
      context_(static_cast<std::uint64_t>(options.context)),
      seed_(options.seed) {
  constexpr std::int64_t limit = std::int64_t{1} << 31;
  if (options.batch < 1 || options.batch > limit || options.context < 1 || options.context > limit)
    throw Error(fmt::format("batch and context must be from 1 to {}, but are {} and {}", limit,
                            options.batch, options.context));
  if (tokens.size() < context_ + 1)
    throw Error(
        fmt::format("the data has {} tokens, but one context of {} needs {}; give more text or a "
                    "shorter context",
                    tokens.size(), context_, context_ + 1));
  // One target follows the last window, and an offset takes up to T - 1 tokens where there are
  // enough.
  windows_ = std::max<std::uint64_t>(1, (tokens.size() - context_) / context_);
}

std::uint64_t WindowLoader::window(std::uint64_t sample) const {
  const std::uint64_t epoch = sample / windows_;
  const std::uint64_t key = mix_bits(seed_ ^ mix_bits(epoch));
  const std::uint64_t spare = tokens_.size() - 1 - windows_ * context_;
  const std::uint64_t offset = mix_bits(~key) % (spare + 1);
  const std::uint64_t place = KeyedPermutation(windows_, key)(sample % windows_);
  return offset + place * context_;
}

void WindowLoader::micro_batch(std::uint64_t index, std::span<std::int32_t> inputs,
                               std::span<std::int32_t> targets) const {
  if (inputs.size() != batch_ * context_ || targets.size() != inputs.size())
    throw Error(fmt::format(
        "a micro-batch of {}x{} needs {} inputs and targets, but the spans hold {} and {}", batch_,
        context_, batch_ * context_, inputs.size(), targets.size()));
  for (std::uint64_t row = 0; row < batch_; ++row) {
    const std::uint64_t first = window(index * batch_ + row);
    const std::size_t start = row * context_;
    tokens_.read(first, inputs.subspan(start, context_));
    tokens_.read(first + 1, targets.subspan(start, context_));
  }
}

}  // namespace gptc::data

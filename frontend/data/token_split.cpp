#include "frontend/data/token_split.h"

#include <fmt/format.h>

#include <cmath>

#include "frontend/data/error.h"

namespace gptc::data {

TokenSplit split_tokens(const TokenView& tokens, const SplitOptions& options) {
  const double fraction = options.validation_fraction;
  if (!(fraction >= 0 && fraction < 1))
    throw Error(
        fmt::format("the validation fraction must be at least 0 and below 1, but is {}", fraction));
  if (options.context < 1)
    throw Error(fmt::format("the context must be at least 1, but is {}", options.context));

  const auto kept =
      static_cast<std::uint64_t>(std::floor(static_cast<double>(tokens.size()) * fraction));
  const TokenSplit split{.train = tokens.first(tokens.size() - kept),
                         .validation = tokens.last(kept)};
  const std::uint64_t needed = static_cast<std::uint64_t>(options.context) + 1;
  if (split.train.size() < needed || (fraction > 0 && kept < needed))
    throw Error(fmt::format(
        "the data has {} tokens, {} to train and {} to validate, but one context of {} needs {}{}; "
        "give more text or a shorter context",
        tokens.size(), split.train.size(), kept, options.context, needed,
        fraction > 0 ? " of each" : ""));
  return split;
}

}  // namespace gptc::data

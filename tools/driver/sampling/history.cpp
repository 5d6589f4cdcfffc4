#include "tools/driver/sampling/history.h"

#include <algorithm>

namespace gptc::driver {

History::History(std::span<const std::int32_t> tokens, std::size_t more) {
  tokens_.reserve(tokens.size() + more);
  tokens_.assign(tokens.begin(), tokens.end());
}

std::span<const std::int32_t> History::distinct(std::size_t vocabulary) {
  if (seen_.empty()) {
    seen_.resize(vocabulary);
    distinct_.reserve(std::min(vocabulary, tokens_.capacity()));
  }
  for (; counted_ < tokens_.size(); ++counted_) {
    const std::int32_t token = tokens_[counted_];
    if (seen_[static_cast<std::size_t>(token)]) continue;
    seen_[static_cast<std::size_t>(token)] = true;
    distinct_.push_back(token);
  }
  return distinct_;
}

}  // namespace gptc::driver

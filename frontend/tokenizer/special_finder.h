#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {

/// Finds special tokens in a text from left to right; where two start at one place, the longer.
class SpecialFinder {
 public:
  SpecialFinder(const Vocabulary& vocabulary, std::string_view text)
      : vocabulary_(vocabulary), text_(text) {
    for (const std::int32_t id : vocabulary.specials()) next_.push_back({id, find(id, 0)});
  }

  struct Match {
    std::int32_t id;
    std::size_t begin;  // npos: no special token any more
  };

  /// The first match at `from` or after; `from` never goes back.
  Match next(std::size_t from) {
    Match best{-1, std::string_view::npos};
    std::size_t best_length = 0;
    for (Match& candidate : next_) {
      if (candidate.begin < from) candidate.begin = find(candidate.id, from);
      if (candidate.begin == std::string_view::npos) continue;
      const std::size_t length = vocabulary_.bytes(candidate.id).size();
      if (candidate.begin < best.begin || (candidate.begin == best.begin && length > best_length)) {
        best = candidate;
        best_length = length;
      }
    }
    return best;
  }

 private:
  std::size_t find(std::int32_t id, std::size_t from) const {
    return text_.find(vocabulary_.bytes(id), from);
  }

  const Vocabulary& vocabulary_;
  std::string_view text_;
  std::vector<Match> next_;  // where each special token comes next
};

}  // namespace gptc::tokenizer

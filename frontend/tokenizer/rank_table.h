#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "frontend/tokenizer/pair_map.h"

namespace gptc::tokenizer {

/// Tokens `left` and `right`, standing side by side, become `result`.
struct Merge {
  std::int32_t left;
  std::int32_t right;
  std::int32_t result;
};

/// What merging asks all the time: the rank and the result of a pair of tokens.
class RankTable {
 public:
  static constexpr std::uint32_t kNone = PairMap::kMissing;

  struct Entry {
    std::uint64_t pair = 0;
    std::uint32_t rank = kNone;  ///< kNone: no merge
    std::int32_t result = -1;
  };

  /// Merges in rank order, no pair twice.
  explicit RankTable(std::span<const Merge> merges)
      : slots_(std::bit_ceil(merges.size() * 2 + 2)), shift_(64 - std::countr_zero(slots_.size())) {
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
      const Merge& merge = merges[rank];
      const std::uint64_t pair = pair_key(merge.left, merge.right);
      slots_[slot_of(pair)] = {pair, static_cast<std::uint32_t>(rank), merge.result};
    }
  }

  const Entry& find(std::int32_t left, std::int32_t right) const {
    return slots_[slot_of(pair_key(left, right))];
  }

 private:
  std::size_t slot_of(std::uint64_t pair) const {
    std::size_t at = (pair * 0x9E3779B97F4A7C15u) >> shift_;
    while (slots_[at].rank != kNone && slots_[at].pair != pair) at = (at + 1) & (slots_.size() - 1);
    return at;
  }

  std::vector<Entry> slots_;
  int shift_;
};

}  // namespace gptc::tokenizer

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {

/// Merges pieces: start from the bytes and, as long as some neighbours have a merge, apply the
/// merge of lowest rank, at its leftmost place (Sennrich et al. 2016). Keeps its memory from piece
/// to piece; not to be shared between threads. The vocabulary must outlive it.
///
/// A short piece is scanned for its lowest rank; one of a window's length uses a heap; a longer one
/// is merged window by window, so that time is linear and memory small whatever it holds. That is
/// exact: tokens standing side by side are the merged form of their joined bytes if and only if
/// each two neighbours are that of theirs, since until a first merge crosses a boundary, what
/// happens between two boundaries does not depend on the rest. So the tokens of two overlapping
/// windows may be joined wherever both have the same two tokens at the same place.
class Merger {
 public:
  explicit Merger(const Vocabulary& vocabulary) : vocabulary_(&vocabulary) {}

  /// Appends the tokens of `piece` to `ids`. Throws Error where the tokens of 4 GiB would have to
  /// be known at once.
  void merge(std::string_view piece, std::vector<std::int32_t>& ids);

  /// Writes the tokens of a piece of at most kShort bytes to `ids`, room for one a byte, and
  /// returns how many there are.
  std::size_t merge_short(std::string_view piece, std::int32_t* ids) const;

  static constexpr std::size_t kShort = 64;

  /// Merges looked up and tried so far by pieces longer than kShort: what time depends on.
  std::uint64_t work() const { return work_; }

 private:
  struct Node {
    std::int32_t token;  // kDead once merged into its left neighbour
    std::uint32_t previous;
    std::uint32_t next;
  };

  void merge_window(std::string_view window, std::vector<std::int32_t>& ids);
  void merge_long(std::string_view piece, std::vector<std::int32_t>& ids);
  void push(std::uint32_t place);
  void merge_at(std::uint32_t place, std::int32_t result);

  const Vocabulary* vocabulary_;
  std::vector<Node> nodes_;
  std::vector<std::uint64_t> heap_;  // rank and place
  std::vector<std::int32_t> window_;
  std::uint64_t work_ = 0;
};

}  // namespace gptc::tokenizer

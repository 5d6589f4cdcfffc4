#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "frontend/tokenizer/learning/pages.h"
#include "frontend/tokenizer/learning/pair_index.h"

namespace gptc::tokenizer {

/// The distinct pieces as tokens, in one array with a slot for each of their bytes. A token has its
/// id in its first and in its last slot, so both neighbours are found from its length; what lies
/// between is not read. kNone stands before, between and after pieces.
template <typename Symbol>
struct PieceSymbols {
  static constexpr Symbol kNone = static_cast<Symbol>(-1);

  /// The pieces from here to the next range stand `weight` times each in the text.
  struct Range {
    std::uint32_t begin;
    std::int64_t weight;
  };

  Pages<Symbol> slots;
  std::size_t size = 0;                // slots in use
  std::vector<Range> ranges;           // ascending
  std::vector<std::uint32_t> lengths;  // of each token so far, in bytes
};

/// How much memory choosing merges may take besides the symbols.
struct MergeBudget {
  std::size_t places;      ///< entries of lists
  std::size_t pair_bytes;  ///< of the index of pairs
};

/// Applies merges to pieces and knows which comes next.
///
/// Of each pair that may soon be merged it has the count and the list of places, both kept up to
/// date or known to be checked; such pairs are those before a limit in the order of merging. Where
/// memory does not last, the limit falls, and once all pairs before it are used up, they are
/// counted afresh: the result is the same with any budget.
template <typename Symbol>
class MergeTable {
 public:
  MergeTable(PieceSymbols<Symbol> symbols, std::int64_t min_frequency, MergeBudget budget);

  /// The pair to be merged next, if there is one.
  std::optional<PairCount> best();

  /// Never offers this pair again; it is the best one.
  void skip(const PairCount& pair);

  /// Puts a new token, the next id, for every place of the best pair.
  void merge(const PairCount& pair);

 private:
  using Symbols = PieceSymbols<Symbol>;
  using Entry = PairIndex::Entry;
  static constexpr std::uint32_t kEverywhere = 0xFFFFFFFF;  // places are not listed
  static constexpr std::uint64_t kNoList = ~std::uint64_t{0};

  /// Sums over the tokens that stand beside the merged ones.
  struct Beside {
    std::vector<std::int64_t> weight;
    std::vector<std::uint32_t> places;
    std::vector<std::uint64_t> list;  // where the next place is to be written
    std::vector<std::uint32_t> tokens;

    void add(std::uint32_t token, std::int64_t more);
    void clear();
  };
  struct Kept {
    PairCount pair;
    std::uint32_t places;
  };
  class Weights;

  bool kept(const PairCount& pair) const { return pair.before(limit_); }
  std::uint32_t length(std::uint32_t token) const { return symbols_.lengths[token]; }

  template <typename Visit>
  void each_pair(Visit visit);
  bool count_share(std::uint64_t share, std::uint64_t shares);
  void trim(std::vector<Kept>& pairs);
  std::vector<Kept> choose();
  void rebuild();

  template <typename Visit>
  void each_start(std::span<const std::uint32_t> places, bool everywhere, std::uint32_t token,
                  Visit visit);
  std::size_t replace(const PairCount& pair, std::span<std::uint32_t> places, bool everywhere);
  void lower(const PairCount& pair);
  void count_new(std::span<const std::uint32_t> places, bool everywhere);
  bool offer_new();
  void list_new(std::span<const std::uint32_t> places, bool everywhere);

  Symbols symbols_;
  std::int64_t min_frequency_;
  PairCount limit_;  // the first pair that is not kept
  PairIndex index_;
  Pages<std::uint32_t> lists_;
  std::size_t listed_ = 0;
  std::vector<PairCount> queue_;  // a heap; counts may be higher than they are by now
  std::vector<PairCount> skipped_;
  Beside old_left_, old_right_, new_left_, new_right_;
  std::uint64_t distinct_ = 0;  // pairs there were when they were last counted
};

extern template class MergeTable<std::uint16_t>;
extern template class MergeTable<std::uint32_t>;

}  // namespace gptc::tokenizer

#include "frontend/tokenizer/learning/merge_table.h"

#include <bit>
#include <utility>

namespace gptc::tokenizer {
namespace {

constexpr auto kLater = [](const PairCount& a, const PairCount& b) { return b.before(a); };

}  // namespace

/// How often the piece at a place stands in the text, for places that mostly ascend.
template <typename Symbol>
class MergeTable<Symbol>::Weights {
 public:
  explicit Weights(const std::vector<typename Symbols::Range>& ranges) : ranges_(ranges) {
    enter(0);
  }

  std::int64_t at(std::uint32_t place) {
    if (place < begin_ || place >= end_) {
      const auto after = std::upper_bound(
          ranges_.begin(), ranges_.end(), place,
          [](std::uint32_t wanted, const auto& range) { return wanted < range.begin; });
      enter(static_cast<std::size_t>(after - ranges_.begin()) - 1);
    }
    return weight_;
  }

 private:
  void enter(std::size_t range) {
    begin_ = ranges_[range].begin;
    end_ = range + 1 < ranges_.size() ? ranges_[range + 1].begin : UINT32_MAX;
    weight_ = ranges_[range].weight;
  }

  const std::vector<typename Symbols::Range>& ranges_;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
  std::int64_t weight_ = 0;
};

template <typename Symbol>
void MergeTable<Symbol>::Beside::add(std::uint32_t token, std::int64_t more) {
  if (token >= weight.size()) {
    weight.resize(token + 1);
    places.resize(token + 1);
    list.resize(token + 1, kNoList);
  }
  if (places[token]++ == 0) tokens.push_back(token);
  weight[token] += more;
}

template <typename Symbol>
void MergeTable<Symbol>::Beside::clear() {
  for (const std::uint32_t token : tokens) {
    weight[token] = 0;
    places[token] = 0;
    list[token] = kNoList;
  }
  tokens.clear();
}

template <typename Symbol>
MergeTable<Symbol>::MergeTable(PieceSymbols<Symbol> symbols, std::int64_t min_frequency,
                               MergeBudget budget)
    : symbols_(std::move(symbols)),
      min_frequency_(min_frequency),
      limit_{min_frequency - 1, 0, 0},
      index_(budget.pair_bytes),
      lists_(budget.places) {
  if (!symbols_.ranges.empty()) rebuild();
}

/// Calls visit(place, left, right, weight) for all neighbouring tokens there are, until it returns
/// false.
template <typename Symbol>
template <typename Visit>
void MergeTable<Symbol>::each_pair(Visit visit) {
  const Symbol* slots = symbols_.slots.data();
  const std::uint32_t* lengths = symbols_.lengths.data();
  for (std::size_t r = 0; r < symbols_.ranges.size(); ++r) {
    const auto [begin, weight] = symbols_.ranges[r];
    const bool last = r + 1 == symbols_.ranges.size();
    const std::size_t end = last ? symbols_.size : symbols_.ranges[r + 1].begin;
    for (std::size_t at = begin; at < end;) {
      const Symbol left = slots[at];
      if (left == Symbols::kNone) {
        ++at;
        continue;
      }
      const std::size_t next = at + lengths[left];
      const Symbol right = slots[next];
      if (right != Symbols::kNone && !visit(static_cast<std::uint32_t>(at), left, right, weight)) {
        return;
      }
      at = next;
    }
  }
}

/// Counts, into an empty index, the pairs whose hash falls into this share of all; false if there
/// is no room for them.
template <typename Symbol>
bool MergeTable<Symbol>::count_share(std::uint64_t share, std::uint64_t shares) {
  index_.clear();
  bool room = true;
  each_pair([&](std::uint32_t, Symbol left, Symbol right, std::int64_t weight) {
    if (shares > 1 && (PairIndex::hash_of(left, right) >> 8 & (shares - 1)) != share) return true;
    Entry* entry = index_.find_or_add(left, right);
    room = entry != nullptr;
    if (!room) return false;
    entry->count += weight;
    ++entry->places;
    return true;
  });
  return room;
}

/// Leaves the pairs that are merged first, so many that half of the memory stays free for new ones.
template <typename Symbol>
void MergeTable<Symbol>::trim(std::vector<Kept>& pairs) {
  std::sort(pairs.begin(), pairs.end(),
            [](const Kept& a, const Kept& b) { return a.pair.before(b.pair); });
  std::size_t listed = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (pairs[i].places > lists_.size() / 4) pairs[i].places = kEverywhere;
    if (pairs[i].places != kEverywhere) listed += pairs[i].places;
    if (listed <= lists_.size() / 2 && i < index_.most() / 2) continue;
    limit_ = pairs[i].pair;
    pairs.resize(i);
    return;
  }
}

/// The pairs to keep from now on, and the limit.
template <typename Symbol>
std::vector<typename MergeTable<Symbol>::Kept> MergeTable<Symbol>::choose() {
  const auto is_skipped = [&](const PairCount& pair) {
    return std::any_of(skipped_.begin(), skipped_.end(), [&](const PairCount& other) {
      return other.left == pair.left && other.right == pair.right;
    });
  };
  std::vector<Kept> pairs;
  const auto gather = [&](std::uint32_t left, std::uint32_t right, const Entry& entry) {
    const PairCount pair{entry.count, left, right};
    if (!kept(pair) || is_skipped(pair)) return;
    pairs.push_back({pair, entry.places});
    if (pairs.size() >= index_.most()) trim(pairs);
  };
  // As many shares as the pairs of the last time need; more where that proves to be too few.
  std::uint64_t shares = std::bit_ceil(distinct_ / index_.most() + 1);
  for (bool counted = false; !counted;) {
    pairs.clear();
    distinct_ = 0;
    limit_ = {min_frequency_ - 1, 0, 0};
    counted = true;
    for (std::uint64_t share = 0; share < shares && counted; ++share) {
      counted = count_share(share, shares);
      distinct_ += index_.size();
      if (counted) index_.each(gather);
    }
    if (!counted) shares *= 2;
  }
  trim(pairs);
  return pairs;
}

template <typename Symbol>
void MergeTable<Symbol>::rebuild() {
  const std::vector<Kept> pairs = choose();
  index_.clear();
  queue_.clear();
  listed_ = 0;
  for (const auto& [pair, places] : pairs) {
    Entry& entry = *index_.find_or_add(pair.left, pair.right);
    entry.count = pair.count;
    entry.begin = listed_;
    entry.places = places == kEverywhere ? kEverywhere : 0;
    if (places != kEverywhere) listed_ += places;
    queue_.push_back(pair);
  }
  std::make_heap(queue_.begin(), queue_.end(), kLater);
  each_pair([&](std::uint32_t place, Symbol left, Symbol right, std::int64_t) {
    Entry* entry = index_.find(left, right);
    if (entry != nullptr && entry->places != kEverywhere) {
      lists_[entry->begin + entry->places++] = place;
    }
    return true;
  });
}

template <typename Symbol>
std::optional<PairCount> MergeTable<Symbol>::best() {
  for (;;) {
    while (!queue_.empty()) {
      std::pop_heap(queue_.begin(), queue_.end(), kLater);
      PairCount& last = queue_.back();
      const std::int64_t count = index_.find(last.left, last.right)->count;
      if (count == last.count && kept(last)) {
        const PairCount found = last;
        queue_.pop_back();
        return found;
      }
      last.count = count;  // other merges took some of its places
      if (kept(last)) {
        std::push_heap(queue_.begin(), queue_.end(), kLater);
      } else {
        queue_.pop_back();
      }
    }
    const bool complete = limit_.count < min_frequency_;
    if (complete || symbols_.ranges.empty()) return std::nullopt;
    rebuild();
    if (queue_.empty()) return std::nullopt;
  }
}

template <typename Symbol>
void MergeTable<Symbol>::skip(const PairCount& pair) {
  index_.find(pair.left, pair.right)->count = 0;
  skipped_.push_back(pair);
}

/// Calls visit(place) for the places where `token` begins, of those given or of all.
template <typename Symbol>
template <typename Visit>
void MergeTable<Symbol>::each_start(std::span<const std::uint32_t> places, bool everywhere,
                                    std::uint32_t token, Visit visit) {
  const Symbol* slots = symbols_.slots.data();
  if (!everywhere) {
    for (const std::uint32_t place : places) {
      if (slots[place] == token) visit(place);
    }
    return;
  }
  for (std::size_t at = 0; at < symbols_.size;) {
    if (slots[at] == token) visit(static_cast<std::uint32_t>(at));
    at += slots[at] == Symbols::kNone ? 1 : length(slots[at]);
  }
}

/// Puts the newest token for the pair, from left to right, sums the neighbours that lost it, and
/// leaves in `places` those where it happened; returns how many.
template <typename Symbol>
std::size_t MergeTable<Symbol>::replace(const PairCount& pair, std::span<std::uint32_t> places,
                                        bool everywhere) {
  Symbol* slots = symbols_.slots.data();
  const auto result = static_cast<Symbol>(symbols_.lengths.size() - 1);
  const std::uint32_t left_length = length(pair.left);
  const std::uint32_t right_length = length(pair.right);
  Weights weights(symbols_.ranges);
  std::size_t done = 0;
  each_start(places, everywhere, pair.left, [&](std::uint32_t place) {
    const std::size_t middle = std::size_t{place} + left_length;
    if (slots[middle] != pair.right) return;
    const std::size_t end = middle + right_length;
    const std::int64_t weight = weights.at(place);
    const Symbol before = slots[place - 1];
    const Symbol after = slots[end];
    if (before != Symbols::kNone && before != result) old_left_.add(before, weight);
    if (after != Symbols::kNone) old_right_.add(after, weight);
    slots[middle] = Symbols::kNone;  // no list may take it for a token's begin
    slots[end - 1] = result;
    slots[place] = result;
    if (!everywhere) places[done++] = place;
  });
  return done;
}

/// Takes what the neighbours lost from the counts of their pairs.
template <typename Symbol>
void MergeTable<Symbol>::lower(const PairCount& pair) {
  for (const std::uint32_t token : old_left_.tokens) {
    if (Entry* entry = index_.find(token, pair.left)) entry->count -= old_left_.weight[token];
  }
  for (const std::uint32_t token : old_right_.tokens) {
    if (Entry* entry = index_.find(pair.right, token)) entry->count -= old_right_.weight[token];
  }
  old_left_.clear();
  old_right_.clear();
}

/// Sums the neighbours of the newest token; two of it side by side count on the right.
template <typename Symbol>
void MergeTable<Symbol>::count_new(std::span<const std::uint32_t> places, bool everywhere) {
  const Symbol* slots = symbols_.slots.data();
  const auto token = static_cast<Symbol>(symbols_.lengths.size() - 1);
  const std::uint32_t token_length = length(token);
  Weights weights(symbols_.ranges);
  each_start(places, everywhere, token, [&](std::uint32_t place) {
    const std::int64_t weight = weights.at(place);
    const Symbol before = slots[place - 1];
    const Symbol after = slots[place + token_length];
    if (before != Symbols::kNone && before != token) new_left_.add(before, weight);
    if (after != Symbols::kNone) new_right_.add(after, weight);
  });
}

/// Takes in the new pairs before the limit, which falls if there is no room for all; false if
/// there are none.
template <typename Symbol>
bool MergeTable<Symbol>::offer_new() {
  const auto token = static_cast<std::uint32_t>(symbols_.lengths.size() - 1);
  std::vector<Kept> fresh;
  std::size_t places = 0;
  const auto gather = [&](const PairCount& pair, std::uint32_t count) {
    if (!kept(pair)) return;
    fresh.push_back({pair, count});
    places += count;
  };
  for (const std::uint32_t left : new_left_.tokens) {
    gather({new_left_.weight[left], left, token}, new_left_.places[left]);
  }
  for (const std::uint32_t right : new_right_.tokens) {
    gather({new_right_.weight[right], token, right}, new_right_.places[right]);
  }
  if (places > lists_.size() - listed_ || fresh.size() > index_.most() - index_.size()) {
    std::sort(fresh.begin(), fresh.end(),
              [](const Kept& a, const Kept& b) { return a.pair.before(b.pair); });
  }
  for (const auto& [pair, count] : fresh) {
    Entry* entry =
        count > lists_.size() - listed_ ? nullptr : index_.find_or_add(pair.left, pair.right);
    if (entry == nullptr) {
      limit_ = pair;
      break;
    }
    *entry = {entry->key, pair.count, listed_, count};
    (pair.right == token && pair.left != token ? new_left_.list[pair.left]
                                               : new_right_.list[pair.right]) = listed_;
    listed_ += count;
    queue_.push_back(pair);
    std::push_heap(queue_.begin(), queue_.end(), kLater);
  }
  return !fresh.empty();
}

template <typename Symbol>
void MergeTable<Symbol>::list_new(std::span<const std::uint32_t> places, bool everywhere) {
  const Symbol* slots = symbols_.slots.data();
  const auto token = static_cast<Symbol>(symbols_.lengths.size() - 1);
  const std::uint32_t token_length = length(token);
  each_start(places, everywhere, token, [&](std::uint32_t place) {
    const Symbol before = slots[place - 1];
    const Symbol after = slots[place + token_length];
    if (before != Symbols::kNone && before != token) {
      std::uint64_t& at = new_left_.list[before];
      if (at != kNoList) lists_[at++] = place - length(before);
    }
    if (after != Symbols::kNone) {
      std::uint64_t& at = new_right_.list[after];
      if (at != kNoList) lists_[at++] = place;
    }
  });
}

template <typename Symbol>
void MergeTable<Symbol>::merge(const PairCount& pair) {
  Entry& entry = *index_.find(pair.left, pair.right);
  const bool everywhere = entry.places == kEverywhere;
  std::span<std::uint32_t> places;
  if (!everywhere) places = {lists_.data() + entry.begin, entry.places};
  symbols_.lengths.push_back(length(pair.left) + length(pair.right));
  places = places.first(replace(pair, places, everywhere));
  lower(pair);
  index_.find(pair.left, pair.right)->count = 0;
  count_new(places, everywhere);
  if (offer_new()) list_new(places, everywhere);
  new_left_.clear();
  new_right_.clear();
}

template class MergeTable<std::uint16_t>;
template class MergeTable<std::uint32_t>;

}  // namespace gptc::tokenizer

#include "frontend/tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <queue>

#include "frontend/tokenizer/error.h"
#include "frontend/tokenizer/pretokenize.h"

namespace gptc::tokenizer {
namespace {

constexpr std::uint32_t kNone = PairMap::kMissing;
constexpr std::size_t kShortPiece = 64;  // bytes; below it a scan for the minimum beats a heap

/// Merges in place by scanning for the lowest rank; quadratic, for short pieces only.
void merge_short(const Vocabulary& vocabulary, std::string_view piece,
                 std::vector<std::int32_t>& ids) {
  std::int32_t tokens[kShortPiece];
  std::uint32_t ranks[kShortPiece];  // of tokens[i] with tokens[i + 1]
  std::size_t count = piece.size();
  for (std::size_t i = 0; i < count; ++i) {
    tokens[i] = vocabulary.byte_token(static_cast<unsigned char>(piece[i]));
  }
  const auto rank_at = [&](std::size_t i) {
    return i + 1 < count ? vocabulary.rank(tokens[i], tokens[i + 1]) : kNone;
  };
  for (std::size_t i = 0; i < count; ++i) ranks[i] = rank_at(i);
  while (count > 1) {
    const auto best = static_cast<std::size_t>(std::min_element(ranks, ranks + count) - ranks);
    if (ranks[best] == kNone) break;
    tokens[best] = vocabulary.merges()[ranks[best]].result;
    std::copy(tokens + best + 2, tokens + count, tokens + best + 1);
    std::copy(ranks + best + 2, ranks + count, ranks + best + 1);
    --count;
    ranks[best] = rank_at(best);
    if (best > 0) ranks[best - 1] = rank_at(best - 1);
  }
  ids.insert(ids.end(), tokens, tokens + count);
}

/// Merges a linked list of tokens with a heap of (rank, place). Entries that a later merge made
/// stale stay in the heap and are recognised when they come up.
class LongMerger {
 public:
  LongMerger(const Vocabulary& vocabulary, std::string_view piece) : vocabulary_(vocabulary) {
    const auto size = static_cast<std::uint32_t>(piece.size());
    nodes_.reserve(size);
    for (std::uint32_t i = 0; i < size; ++i) {
      const std::int32_t token = vocabulary.byte_token(static_cast<unsigned char>(piece[i]));
      nodes_.push_back({token, i == 0 ? kNone : i - 1, i + 1 == size ? kNone : i + 1});
    }
  }

  void run(std::vector<std::int32_t>& ids) {
    std::vector<std::uint64_t> entries;
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
      if (const auto rank = rank_at(i); rank != kNone) entries.push_back(entry(rank, i));
    }
    heap_ = Heap({}, std::move(entries));
    while (!heap_.empty()) {
      const auto rank = static_cast<std::uint32_t>(heap_.top() >> 32);
      const auto place = static_cast<std::uint32_t>(heap_.top());
      heap_.pop();
      if (nodes_[place].token != kDead && rank_at(place) == rank) merge_at(place, rank);
    }
    for (std::uint32_t i = 0; i != kNone; i = nodes_[i].next) ids.push_back(nodes_[i].token);
  }

 private:
  static constexpr std::int32_t kDead = -1;
  using Heap =
      std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<std::uint64_t>>;
  struct Node {
    std::int32_t token;  // kDead once merged into its left neighbour
    std::uint32_t previous;
    std::uint32_t next;
  };

  static std::uint64_t entry(std::uint32_t rank, std::uint32_t place) {
    return std::uint64_t{rank} << 32 | place;
  }

  std::uint32_t rank_at(std::uint32_t place) const {
    const Node& node = nodes_[place];
    if (node.next == kNone) return kNone;
    return vocabulary_.rank(node.token, nodes_[node.next].token);
  }

  void push(std::uint32_t place) {
    if (const auto rank = rank_at(place); rank != kNone) heap_.push(entry(rank, place));
  }

  void merge_at(std::uint32_t place, std::uint32_t rank) {
    Node& node = nodes_[place];
    Node& gone = nodes_[node.next];
    node.token = vocabulary_.merges()[rank].result;
    node.next = gone.next;
    gone.token = kDead;
    if (node.next != kNone) nodes_[node.next].previous = place;
    push(place);
    if (node.previous != kNone) push(node.previous);
  }

  const Vocabulary& vocabulary_;
  std::vector<Node> nodes_;
  Heap heap_;
};

/// Remembers where in the output a piece was encoded before. Direct-mapped: a newer piece evicts.
class PieceCache {
 public:
  explicit PieceCache(std::size_t text_size)
      : slots_(std::bit_ceil(std::clamp<std::size_t>(text_size / 64, 1, 16384))) {}

  /// Appends the piece's ids and returns true if it is remembered.
  bool copy(std::string_view piece, std::vector<std::int32_t>& ids) const {
    const Slot& slot = slots_[index_of(piece)];
    if (slot.piece != piece) return false;
    for (std::size_t i = 0; i < slot.count; ++i) ids.push_back(ids[slot.begin + i]);
    return true;
  }

  void remember(std::string_view piece, std::size_t begin, std::size_t count) {
    slots_[index_of(piece)] = {piece, begin, count};
  }

 private:
  struct Slot {
    std::string_view piece;
    std::size_t begin = 0;
    std::size_t count = 0;
  };
  std::size_t index_of(std::string_view piece) const {
    return std::hash<std::string_view>{}(piece) & (slots_.size() - 1);
  }
  std::vector<Slot> slots_;
};

}  // namespace

void merge_piece(const Vocabulary& vocabulary, std::string_view piece,
                 std::vector<std::int32_t>& ids) {
  if (piece.size() <= kShortPiece) return merge_short(vocabulary, piece, ids);
  if (piece.size() >= kNone) {
    throw Error("text: one word of " + std::to_string(piece.size()) +
                " bytes, but a word must be shorter than 4 GiB; split the text");
  }
  LongMerger(vocabulary, piece).run(ids);
}

void encode_ordinary(const Vocabulary& vocabulary, std::string_view text,
                     std::vector<std::int32_t>& ids) {
  PieceCache cache(text.size());
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = piece_end(vocabulary.pattern(), text, begin);
    const std::string_view piece = text.substr(begin, end - begin);
    begin = end;
    if (const auto id = vocabulary.whole(piece)) {
      ids.push_back(*id);
    } else if (piece.size() > kShortPiece) {
      merge_piece(vocabulary, piece, ids);
    } else if (!cache.copy(piece, ids)) {
      const std::size_t first = ids.size();
      merge_piece(vocabulary, piece, ids);
      cache.remember(piece, first, ids.size() - first);
    }
  }
}

}  // namespace gptc::tokenizer

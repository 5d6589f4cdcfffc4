#include "frontend/tokenizer/merger.h"

#include <algorithm>
#include <functional>

#include "frontend/tokenizer/error.h"

namespace gptc::tokenizer {
namespace {

constexpr std::uint32_t kNone = RankTable::kNone;
constexpr std::int32_t kDead = -1;
constexpr std::size_t kOverlap = 512;  // bytes of one window that the next does again, at least
constexpr std::size_t kOverlapTokens = 4;
constexpr std::size_t kWindowOverlaps = 8;

unsigned char byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

}  // namespace

std::size_t Merger::merge_short(std::string_view piece, std::int32_t* ids) const {
  std::uint32_t ranks[kShort];  // of ids[i] with ids[i + 1]
  std::size_t count = piece.size();
  if (count == 0) return 0;
  for (std::size_t i = 0; i < count; ++i) ids[i] = vocabulary_->byte_token(byte_at(piece, i));
  for (std::size_t i = 0; i + 1 < count; ++i) {
    ranks[i] = vocabulary_->byte_rank(byte_at(piece, i), byte_at(piece, i + 1));
  }
  ranks[count - 1] = kNone;
  for (;;) {
    std::uint32_t lowest = kNone;
    std::size_t best = 0;
    for (std::size_t i = 0; i + 1 < count; ++i) {
      const bool better = ranks[i] < lowest;
      lowest = better ? ranks[i] : lowest;
      best = better ? i : best;
    }
    if (lowest == kNone) return count;
    ids[best] = vocabulary_->merges()[lowest].result;
    --count;
    for (std::size_t i = best + 1; i < count; ++i) {
      ids[i] = ids[i + 1];
      ranks[i] = ranks[i + 1];
    }
    ranks[best] = best + 1 < count ? vocabulary_->rank(ids[best], ids[best + 1]) : kNone;
    if (best > 0) ranks[best - 1] = vocabulary_->rank(ids[best - 1], ids[best]);
  }
}

void Merger::merge(std::string_view piece, std::vector<std::int32_t>& ids) {
  if (piece.size() > kShort) return merge_long(piece, ids);
  std::int32_t tokens[kShort];
  ids.insert(ids.end(), tokens, tokens + merge_short(piece, tokens));
}

void Merger::push(std::uint32_t place) {
  const Node& node = nodes_[place];
  if (node.next == kNone) return;
  ++work_;
  const std::uint32_t rank = vocabulary_->rank(node.token, nodes_[node.next].token);
  if (rank == kNone) return;
  heap_.push_back(std::uint64_t{rank} << 32 | place);
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
}

void Merger::merge_at(std::uint32_t place, std::int32_t result) {
  Node& node = nodes_[place];
  Node& gone = nodes_[node.next];
  node.token = result;
  node.next = gone.next;
  gone.token = kDead;
  if (node.next != kNone) nodes_[node.next].previous = place;
  push(place);
  if (node.previous != kNone) push(node.previous);
}

// Entries that a later merge made stale stay in the heap and are recognised when they come up.
void Merger::merge_window(std::string_view window, std::vector<std::int32_t>& ids) {
  if (window.size() >= kNone) {
    throw Error("text: one word of " + std::to_string(window.size()) +
                " bytes that cannot be merged in parts, but such a word must be shorter than "
                "4 GiB; split the text");
  }
  nodes_.clear();
  heap_.clear();
  const auto size = static_cast<std::uint32_t>(window.size());
  for (std::uint32_t i = 0; i < size; ++i) {
    const std::int32_t token = vocabulary_->byte_token(byte_at(window, i));
    nodes_.push_back({token, i == 0 ? kNone : i - 1, i + 1 == size ? kNone : i + 1});
    if (i + 1 == size) break;
    const std::uint32_t rank = vocabulary_->byte_rank(byte_at(window, i), byte_at(window, i + 1));
    if (rank != kNone) heap_.push_back(std::uint64_t{rank} << 32 | i);
  }
  work_ += size;
  std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const auto rank = static_cast<std::uint32_t>(heap_.back() >> 32);
    const auto place = static_cast<std::uint32_t>(heap_.back());
    heap_.pop_back();
    ++work_;
    const Node& node = nodes_[place];
    if (node.token == kDead || node.next == kNone) continue;
    const auto& found = vocabulary_->merge_of(node.token, nodes_[node.next].token);
    if (found.rank == rank) merge_at(place, found.result);
  }
  if (nodes_.empty()) return;
  for (std::uint32_t i = 0; i != kNone; i = nodes_[i].next) ids.push_back(nodes_[i].token);
}

void Merger::merge_long(std::string_view piece, std::vector<std::int32_t>& ids) {
  const std::size_t first = ids.size();
  const std::size_t usual = std::max(kOverlap, kOverlapTokens * vocabulary_->longest_whole());
  std::size_t overlap = usual;
  const auto bytes_of = [&](std::int32_t id) { return vocabulary_->bytes(id).size(); };
  // ids[first...] are always the tokens of piece[0, done).
  for (std::size_t done = 0; done < piece.size();) {
    std::size_t begin = done;  // the window's: a boundary of tokens
    std::size_t from = ids.size();
    while (from > first && done - begin < overlap) begin -= bytes_of(ids[--from]);
    const std::size_t end = begin + std::min(piece.size() - begin, overlap * kWindowOverlaps);
    window_.clear();
    merge_window(piece.substr(begin, end - begin), window_);
    std::size_t a = from;  // two walks, over the tokens so far and those of the window
    std::size_t b = 0;
    std::size_t a_at = begin;
    std::size_t b_at = begin;
    bool joined = from == first;  // from the piece's first byte on the window is right as it is
    while (!joined && a + 1 < ids.size() && b + 1 < window_.size()) {
      joined = a_at == b_at && ids[a] == window_[b] && ids[a + 1] == window_[b + 1];
      if (joined) break;
      const bool step_a = a_at <= b_at;
      const bool step_b = b_at <= a_at;
      if (step_a) a_at += bytes_of(ids[a++]);
      if (step_b) b_at += bytes_of(window_[b++]);
    }
    if (!joined) {
      overlap *= 2;
      continue;
    }
    ids.resize(a);
    ids.insert(ids.end(), window_.begin() + static_cast<std::ptrdiff_t>(b), window_.end());
    done = end;
    overlap = usual;
  }
}

}  // namespace gptc::tokenizer

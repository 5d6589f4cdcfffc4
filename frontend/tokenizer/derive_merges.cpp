#include "frontend/tokenizer/derive_merges.h"

#include <algorithm>
#include <functional>

namespace gptc::tokenizer {
namespace {

constexpr std::uint32_t kNone = PairMap::kMissing;

constexpr std::uint64_t entry(std::uint32_t rank, std::uint32_t place) {
  return std::uint64_t{rank} << 32 | place;
}

}  // namespace

std::uint32_t MergeDeriver::rank_at(std::uint32_t place) const {
  const Node& node = nodes_[place];
  if (node.next == kNone) return kNone;
  return ranks_.find(pair_key(node.token, nodes_[node.next].token));
}

void MergeDeriver::merge_all() {
  const auto push = [this](std::uint32_t place) {
    const std::uint32_t rank = rank_at(place);
    if (rank == kNone) return;
    heap_.push_back(entry(rank, place));
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  };
  heap_.clear();
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) push(i);
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const auto rank = static_cast<std::uint32_t>(heap_.back() >> 32);
    const auto place = static_cast<std::uint32_t>(heap_.back());
    heap_.pop_back();
    Node& node = nodes_[place];
    if (node.token < 0 || rank_at(place) != rank) continue;  // a merge since then took a part
    Node& gone = nodes_[node.next];
    node.token = merges_[rank].result;
    node.next = gone.next;
    gone.token = -1;
    if (node.next != kNone) nodes_[node.next].previous = place;
    push(place);
    if (node.previous != kNone) push(node.previous);
  }
}

std::size_t MergeDeriver::add(std::string_view bytes, std::int32_t id) {
  nodes_.clear();
  const auto size = static_cast<std::uint32_t>(bytes.size());
  for (std::uint32_t i = 0; i < size; ++i) {
    nodes_.push_back({byte_tokens_[static_cast<unsigned char>(bytes[i])], i == 0 ? kNone : i - 1,
                      i + 1 == size ? kNone : i + 1});
  }
  merge_all();
  std::size_t left = 0;
  for (std::uint32_t i = 0; i != kNone; i = nodes_[i].next) ++left;
  if (left != 2) return left;
  const Merge merge{nodes_[0].token, nodes_[nodes_[0].next].token, id};
  ranks_.find_or_add(pair_key(merge.left, merge.right), static_cast<std::uint32_t>(merges_.size()));
  merges_.push_back(merge);
  return left;
}

}  // namespace gptc::tokenizer

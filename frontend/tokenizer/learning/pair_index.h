#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "frontend/tokenizer/learning/pages.h"

namespace gptc::tokenizer {

/// Two neighbouring tokens and how often they stand so.
struct PairCount {
  std::int64_t count;
  std::uint32_t left;
  std::uint32_t right;

  /// Whether this pair is merged before `other`.
  bool before(const PairCount& other) const {
    if (count != other.count) return count > other.count;
    return left != other.left ? left < other.left : right < other.right;
  }
};

/// What is known of each pair: a hash map with open addressing from which nothing is erased.
class PairIndex {
 public:
  struct Entry {
    std::uint64_t key;  // 0: free
    std::int64_t count;
    std::uint64_t begin;   // of its places
    std::uint32_t places;  // how many there are
  };

  /// Holds at most `most_bytes`, for a moment half as much again when it grows.
  explicit PairIndex(std::size_t most_bytes)
      : most_entries_(std::bit_floor(most_bytes / sizeof(Entry) | 1)) {
    if (most_entries_ < kFirst) most_entries_ = kFirst;
    clear();
  }

  std::size_t size() const { return size_; }
  std::size_t most() const { return most_entries_ / 8 * 5; }

  /// The pair's entry; nullptr where it has none.
  Entry* find(std::uint32_t left, std::uint32_t right) {
    Entry& entry = entries_[slot_of(key_of(left, right))];
    return entry.key == 0 ? nullptr : &entry;
  }

  /// The pair's entry, an empty one if it had none; nullptr if there is no room. Moves the others.
  Entry* find_or_add(std::uint32_t left, std::uint32_t right) {
    const std::uint64_t key = key_of(left, right);
    std::size_t slot = slot_of(key);
    if (entries_[slot].key != 0) return &entries_[slot];
    if (size_ == most()) return nullptr;
    if ((size_ + 1) * 8 > entries_.size() * 5) {
      grow();
      slot = slot_of(key);
    }
    entries_[slot].key = key;
    ++size_;
    return &entries_[slot];
  }

  void clear() {
    entries_ = {};
    resize(kFirst);
    size_ = 0;
  }

  template <typename Visit>
  void each(Visit visit) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      Entry& entry = entries_[i];
      if (entry.key == 0) continue;
      const std::uint64_t key = entry.key - 1;
      visit(static_cast<std::uint32_t>(key >> 32), static_cast<std::uint32_t>(key), entry);
    }
  }

  static std::uint64_t hash_of(std::uint32_t left, std::uint32_t right) {
    return key_of(left, right) * 0x9E3779B97F4A7C15u;
  }

 private:
  static constexpr std::size_t kFirst = 1024;

  static std::uint64_t key_of(std::uint32_t left, std::uint32_t right) {
    return (std::uint64_t{left} << 32 | right) + 1;
  }

  std::size_t slot_of(std::uint64_t key) const {
    std::size_t at = (key * 0x9E3779B97F4A7C15u) >> shift_;
    while (entries_[at].key != 0 && entries_[at].key != key) at = (at + 1) & (entries_.size() - 1);
    return at;
  }

  void resize(std::size_t entries) {
    entries_ = Pages<Entry>(entries);
    shift_ = 64 - std::countr_zero(entries);
  }

  void grow() {
    Pages<Entry> old = std::move(entries_);
    resize(old.size() * 2);
    for (std::size_t i = 0; i < old.size(); ++i) {
      if (old[i].key != 0) entries_[slot_of(old[i].key)] = old[i];
    }
  }

  std::size_t most_entries_;
  Pages<Entry> entries_;
  std::size_t size_ = 0;
  int shift_ = 0;
};

}  // namespace gptc::tokenizer

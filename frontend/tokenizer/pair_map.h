#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace gptc::tokenizer {

/// Two neighbouring token ids as one key.
constexpr std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

/// A hash map from pairs to 32-bit values, open addressing with linear probing: merging asks it
/// once a neighbour, where std::unordered_map would cost a cache miss more each time. Nothing is
/// erased.
class PairMap {
 public:
  static constexpr std::uint32_t kMissing = 0xFFFFFFFF;

  explicit PairMap(std::size_t expected = 0) { resize(std::bit_ceil(expected * 2 + 16)); }

  std::size_t size() const { return size_; }

  /// The pair's value, kMissing where it has none.
  std::uint32_t find(std::uint64_t key) const { return slots_[slot_of(key)].value; }

  /// The pair's value; `value` (not kMissing) becomes it where it had none.
  std::uint32_t find_or_add(std::uint64_t key, std::uint32_t value) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    Slot& slot = slots_[slot_of(key)];
    if (slot.value == kMissing) {
      slot = {key, value};
      ++size_;
    }
    return slot.value;
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t value = kMissing;
  };

  std::size_t slot_of(std::uint64_t key) const {
    std::size_t at = (key * 0x9E3779B97F4A7C15u) >> shift_;
    while (slots_[at].value != kMissing && slots_[at].key != key) at = (at + 1) & mask_;
    return at;
  }

  void resize(std::size_t capacity) {
    slots_.assign(capacity, Slot{});
    mask_ = capacity - 1;
    shift_ = 64 - std::countr_zero(capacity);
  }

  void grow() {
    const std::vector<Slot> old = std::move(slots_);
    resize(old.size() * 2);
    for (const Slot& slot : old) {
      if (slot.value != kMissing) slots_[slot_of(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  std::size_t size_ = 0;
  int shift_ = 0;
};

}  // namespace gptc::tokenizer

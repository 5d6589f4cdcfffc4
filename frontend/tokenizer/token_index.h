#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/piece_key.h"

namespace gptc::tokenizer {

/// From a token's bytes to its id: open addressing at most half full, keys of up to 15 bytes
/// compared in registers. Filled once, then read by any thread.
class TokenIndex {
 public:
  /// For `count` tokens at most.
  explicit TokenIndex(std::size_t count)
      : slots_(std::bit_ceil(count * 2 + 2)), shift_(64 - std::countr_zero(slots_.size())) {}

  /// `bytes` is not there yet and outlives the index.
  void add(std::string_view bytes, std::int32_t id) {
    if (bytes.empty()) return;
    if (bytes.size() > longest_) longest_ = bytes.size();
    const Probe probe = probe_of(bytes);
    std::size_t at = probe.hash >> shift_;
    while (slots_[at].id >= 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {probe.key, probe.key.high == 0 ? bytes.data() : nullptr, id};
  }

  std::optional<std::int32_t> find(std::string_view bytes) const {
    if (bytes.empty() || bytes.size() > longest_) return std::nullopt;
    const Probe probe = probe_of(bytes);
    for (std::size_t at = probe.hash >> shift_; slots_[at].id >= 0;
         at = (at + 1) & (slots_.size() - 1)) {
      const Slot& slot = slots_[at];
      if (slot.key != probe.key) continue;
      if (slot.text == nullptr || std::string_view(slot.text, bytes.size()) == bytes) {
        return slot.id;
      }
    }
    return std::nullopt;
  }

  /// Bytes of the longest token.
  std::size_t longest() const { return longest_; }

 private:
  struct Probe {
    PieceKey key;  // of a longer string: its length and 0
    std::uint64_t hash;
  };
  struct Slot {
    PieceKey key = {};
    const char* text = nullptr;  // of tokens that do not fit into a key
    std::int32_t id = -1;
  };

  static Probe probe_of(std::string_view bytes) {
    if (bytes.size() > PieceKey::kLongest) {
      return {{bytes.size(), 0}, hash_bytes(bytes.data(), bytes.size())};
    }
    const PieceKey key = PieceKey::load_exactly(bytes.data(), bytes.size());
    return {key, key.hash()};
  }

  std::vector<Slot> slots_;
  int shift_;
  std::size_t longest_ = 0;
};

}  // namespace gptc::tokenizer

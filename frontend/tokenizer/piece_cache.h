#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "frontend/tokenizer/huge_array.h"
#include "frontend/tokenizer/piece_key.h"

namespace gptc::tokenizer {

/// Remembers the tokens of pieces of up to 15 bytes that have at most four. Of fixed size: two
/// places for each value of the hash, side by side in one cache line; a newer piece evicts.
class PieceCache {
 public:
  static constexpr std::size_t kTokens = 4;

  struct alignas(32) Entry {
    PieceKey key;
    std::int32_t tokens[kTokens];  // of the last the upper 8 bits hold how many there are

    std::size_t count() const { return static_cast<std::uint32_t>(tokens[kTokens - 1]) >> 24; }

    /// Writes all four places, whatever the count.
    void write(std::int32_t* ids) const {
      ids[0] = tokens[0];
      ids[1] = tokens[1];
      ids[2] = tokens[2];
      ids[3] = tokens[3] & 0xFFFFFF;
    }
  };

  PieceCache() : lines_(kLines) {}

  /// Where the piece's two places are; asks memory for them.
  std::size_t line_of(const PieceKey& key) const {
    const std::size_t line = key.hash() >> kShift;
    __builtin_prefetch(&lines_[line]);
    return line;
  }

  /// Null where the piece is not remembered.
  const Entry* find(const PieceKey& key) const { return find(key, key.hash() >> kShift); }
  const Entry* find(const PieceKey& key, std::size_t line_index) const {
    const Line& line = lines_[line_index];
    // Which of the two it is cannot be predicted, so it is computed; that it is one of them can be.
    const auto first = static_cast<std::size_t>(line.entries[0].key == key);
    const auto second = static_cast<std::size_t>(line.entries[1].key == key);
    return (first | second) != 0 ? line.entries + second : nullptr;
  }

  void add(const PieceKey& key, std::span<const std::int32_t> ids) {
    if (ids.size() > kTokens) return;
    Entry entry{key, {}};
    std::copy(ids.begin(), ids.end(), entry.tokens);
    if ((entry.tokens[kTokens - 1] & ~0xFFFFFF) != 0) return;
    entry.tokens[kTokens - 1] |= static_cast<std::int32_t>(ids.size() << 24);
    Line& line = lines_[key.hash() >> kShift];
    line.entries[1] = line.entries[0];
    line.entries[0] = entry;
  }

 private:
  static constexpr int kBits = 16;
  static constexpr std::size_t kLines = std::size_t{1} << kBits;  // 4 MiB
  static constexpr int kShift = 64 - kBits;

  struct alignas(64) Line {
    Entry entries[2];
  };
  HugeArray<Line> lines_;
};

/// The same for longer pieces and for those of more tokens: up to 46 bytes and 20 tokens.
class LongPieceCache {
 public:
  static constexpr std::size_t kBytes = 46;
  static constexpr std::size_t kTokens = 20;

  struct alignas(64) Entry {
    std::uint8_t size;  // 0: empty
    std::uint8_t count;
    char bytes[kBytes];
    std::int32_t tokens[kTokens];
  };

  LongPieceCache() : entries_(kEntries) {}

  /// The place for a piece of at most kBytes, and whether it is remembered there.
  Entry& entry_of(std::string_view piece) {
    return entries_[hash_bytes(piece.data(), piece.size()) >> kShift];
  }
  static bool holds(const Entry& entry, std::string_view piece) {
    return entry.size == piece.size() && std::memcmp(entry.bytes, piece.data(), piece.size()) == 0;
  }
  static void set(Entry& entry, std::string_view piece, std::span<const std::int32_t> ids) {
    if (ids.size() > kTokens) return;
    entry.size = static_cast<std::uint8_t>(piece.size());
    entry.count = static_cast<std::uint8_t>(ids.size());
    std::memcpy(entry.bytes, piece.data(), piece.size());
    std::copy(ids.begin(), ids.end(), entry.tokens);
  }

 private:
  static constexpr int kBits = 13;
  static constexpr std::size_t kEntries = std::size_t{1} << kBits;  // 1 MiB
  static constexpr int kShift = 64 - kBits;
  HugeArray<Entry> entries_;
};

}  // namespace gptc::tokenizer

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "frontend/tokenizer/huge_array.h"
#include "frontend/tokenizer/piece_key.h"

namespace gptc::tokenizer {

/// Remembers the tokens of pieces of up to 15 bytes that have at most four. Of fixed size: a piece
/// may be in either of two lines, each one cache line of two places; where all are taken, it
/// evicts.
class PieceCache {
 public:
  static constexpr std::size_t kTokens = 4;

  struct alignas(32) Entry {
    PieceKey key;
    std::int32_t tokens[kTokens];  // of the last the upper 8 bits hold how many there are

    std::size_t count() const { return static_cast<std::uint32_t>(tokens[kTokens - 1]) >> 24; }

    /// Writes all four places, whatever the count.
    void write(std::int32_t* ids) const {
      std::memcpy(ids, tokens, sizeof tokens);
      ids[kTokens - 1] &= 0xFFFFFF;
    }
  };

  /// One cache line; the second place is filled after the first.
  struct alignas(64) Line {
    Entry entries[2];

    /// Null where the piece is not here.
    const Entry* find(const PieceKey& key) const {
      // Which of the two it is cannot be predicted, so it is computed; that it is one of them can.
      const auto first = static_cast<std::size_t>(entries[0].key == key);
      const auto second = static_cast<std::size_t>(entries[1].key == key);
      return (first | second) != 0 ? entries + second : nullptr;
    }
  };

  PieceCache() : lines_(kLines) {}

  /// The line to look at first; asks memory for it.
  const Line* first_line(const PieceKey& key) const {
    const Line* const line = &lines_[key.quick_hash() >> kShift];
    __builtin_prefetch(line);
    return line;
  }
  const Entry* find_in_second(const PieceKey& key) const {
    return lines_[second_line(key)].find(key);
  }

  /// Null where the piece is not remembered.
  const Entry* find(const PieceKey& key) const {
    const Entry* entry = first_line(key)->find(key);
    return entry != nullptr ? entry : find_in_second(key);
  }

  void add(const PieceKey& key, std::span<const std::int32_t> ids) {
    if (ids.size() > kTokens) return;
    Entry entry{key, {}};
    std::copy(ids.begin(), ids.end(), entry.tokens);
    if ((entry.tokens[kTokens - 1] & ~0xFFFFFF) != 0) return;
    entry.tokens[kTokens - 1] |= static_cast<std::int32_t>(ids.size() << 24);
    Line& first = lines_[key.quick_hash() >> kShift];
    for (Line* line : {&first, &lines_[second_line(key)]}) {
      for (Entry& place : line->entries) {
        if (place.key == PieceKey()) {
          place = entry;
          return;
        }
      }
    }
    first.entries[1] = first.entries[0];
    first.entries[0] = entry;
  }

 private:
  static constexpr int kBits = 16;
  static constexpr std::size_t kLines = std::size_t{1} << kBits;  // 4 MiB
  static constexpr int kShift = 64 - kBits;

  static std::size_t second_line(const PieceKey& key) { return key.hash() >> kShift; }

  HugeArray<Line> lines_;
};

/// The same for longer pieces and for those of more tokens: all of up to 46 bytes, one place each.
class LongPieceCache {
 public:
  static constexpr std::size_t kBytes = 46;
  static constexpr std::size_t kCopied = 16;
  static constexpr std::size_t kTokens = 48;  // whole copies of kCopied; a byte is a token at most

  struct alignas(64) Entry {
    std::uint8_t size;  // 0: empty
    std::uint8_t count;
    char bytes[kBytes];
    std::int32_t tokens[kTokens];

    /// Writes up to kTokens places, whatever the count.
    void write(std::int32_t* ids) const {
      for (std::size_t i = 0; i < count; i += kCopied) {
        std::memcpy(ids + i, tokens + i, kCopied * sizeof(std::int32_t));
      }
    }
  };

  LongPieceCache() : entries_(kEntries) {}

  /// The place for a piece of at most kBytes, and whether it is remembered there.
  Entry& entry_of(std::string_view piece) { return entries_[hash(piece) >> kShift]; }
  static bool holds(const Entry& entry, std::string_view piece) {
    if (entry.size != piece.size()) return false;
    if (piece.size() < kStep) return std::memcmp(entry.bytes, piece.data(), piece.size()) == 0;
    // Steps of fixed size, the last up to the end, need no call and few branches.
    const std::size_t last = piece.size() - kStep;
    std::uint64_t different = step_at(entry.bytes + last) ^ step_at(piece.data() + last);
    for (std::size_t at = 0; at < last; at += kStep) {
      different |= step_at(entry.bytes + at) ^ step_at(piece.data() + at);
    }
    return different == 0;
  }
  /// `ids` are at most one a byte.
  static void set(Entry& entry, std::string_view piece, std::span<const std::int32_t> ids) {
    entry.size = static_cast<std::uint8_t>(piece.size());
    entry.count = static_cast<std::uint8_t>(ids.size());
    std::memcpy(entry.bytes, piece.data(), piece.size());
    std::copy(ids.begin(), ids.end(), entry.tokens);
  }

 private:
  static constexpr int kBits = 13;
  static constexpr std::size_t kEntries = std::size_t{1} << kBits;  // 2 MiB
  static constexpr int kShift = 64 - kBits;
  static constexpr std::size_t kStep = sizeof(std::uint64_t);

  static std::uint64_t step_at(const char* bytes) {
    std::uint64_t step = 0;
    std::memcpy(&step, bytes, kStep);
    return step;
  }

  /// Of the length, the first bytes and the last; those between seldom differ alone.
  static std::uint64_t hash(std::string_view piece) {
    const char* const bytes = piece.data();
    const std::size_t size = piece.size();
    if (size < 2 * kStep) return hash_bytes(bytes, size);
    const std::uint64_t mixed = step_at(bytes) * 0x9E3779B97F4A7C15u +
                                step_at(bytes + kStep) * 0xD6E8FEB86659FD93u +
                                step_at(bytes + size - 2 * kStep) * 0xC2B2AE3D27D4EB4Fu +
                                (step_at(bytes + size - kStep) ^ size) * 0xA0761D6478BD642Fu;
    return (mixed ^ (mixed >> 32)) * 0x9E3779B97F4A7C15u;
  }

  HugeArray<Entry> entries_;
};

}  // namespace gptc::tokenizer

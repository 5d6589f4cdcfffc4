#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/learning/pages.h"

namespace gptc::tokenizer {

/// A distinct piece and how often it occurs.
struct CountedPiece {
  std::uint32_t hash;  // piece_hash(bytes)
  std::uint64_t count;
  std::string_view bytes;
};

/// Of all bits of a piece; the same on every machine, since what is pruned hangs on it.
inline std::uint32_t piece_hash(std::string_view piece) {
  constexpr std::uint64_t kFactor = 0x9E3779B97F4A7C15u;
  const auto mix = [](std::uint64_t x) {
    x ^= x >> 32;
    return x * kFactor;
  };
  const auto load = [](const char* at, auto word) {
    std::memcpy(&word, at, sizeof(word));
    return std::uint64_t{word};
  };
  const char* at = piece.data();
  std::size_t size = piece.size();
  std::uint64_t hash = size * 0xD6E8FEB86659FD93u;
  if (size >= 8) {
    for (; size > 8; size -= 8, at += 8) hash = mix(hash ^ load(at, std::uint64_t{}));
    hash = mix(hash ^ load(at + size - 8, std::uint64_t{}));
  } else if (size >= 4) {
    hash ^= load(at, std::uint32_t{}) | load(at + size - 4, std::uint32_t{}) << 32;
    hash = mix(hash);
  } else if (size > 0) {
    hash ^= load(at, std::uint8_t{}) | load(at + size / 2, std::uint8_t{}) << 8 |
            load(at + size - 1, std::uint8_t{}) << 16;
    hash = mix(hash);
  }
  return static_cast<std::uint32_t>(mix(hash ^ 0x2545F4914F6CDD1Du) >> 32);
}

/// The order in which counted pieces are stored and merged: by hash, so that a hash table is
/// nearly in order and a cut through pieces of one count falls on all of them alike.
inline bool piece_before(const CountedPiece& a, const CountedPiece& b) {
  if (a.hash != b.hash) return a.hash < b.hash;
  if (a.bytes.size() != b.bytes.size()) return a.bytes.size() < b.bytes.size();
  return a.bytes < b.bytes;
}

/// Counts distinct pieces within a bound of memory. A slot of the hash table is 8 bytes, a piece 12
/// more than its own bytes.
class PieceTable {
 public:
  static constexpr std::size_t kLeastBytes = std::size_t{512} << 10;
  static constexpr std::size_t kLongestPiece = 0xFFFF0000;

  explicit PieceTable(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  /// Adds occurrences of a piece of at most kLongestPiece bytes. Returns false, having added
  /// nothing, where that needs more memory than allowed; an empty table takes any piece.
  [[nodiscard]] bool add(std::string_view piece, std::uint64_t count) {
    return add(piece, piece_hash(piece), count);
  }

  /// Adds an occurrence of each, with the waits for memory overlapped. Returns how many it added
  /// before there was no room.
  [[nodiscard]] std::size_t add_each(std::span<const std::string_view> pieces);

  std::size_t size() const { return size_; }
  std::size_t bytes() const { return slots_.bytes() + arena_bytes_; }

  /// Puts the pieces in order. After it only at(), size() and clear() may be called.
  void sort();
  CountedPiece at(std::size_t i) const { return piece_of(slots_[i]); }

  /// Forgets everything and gives the memory back.
  void clear();

 private:
  struct Slot {
    std::uint32_t hash;
    std::uint32_t place;  // of the record in the arena, in words of 4 bytes; 0: free
  };
  static constexpr int kChunkBits = 16;  // words in a chunk of the arena
  static constexpr std::size_t kChunkWords = std::size_t{1} << kChunkBits;
  static constexpr std::size_t kHeaderWords = 3;  // count (two words), size in bytes

  std::uint32_t* record(std::uint32_t place) const {
    return chunks_[place >> kChunkBits] + (place & (kChunkWords - 1));
  }
  bool add(std::string_view piece, std::uint32_t hash, std::uint64_t count);
  CountedPiece piece_of(Slot slot) const;
  std::size_t first_slot(std::uint32_t hash) const { return std::uint64_t{hash} >> shift_; }
  bool holds(Slot slot, std::string_view piece) const;
  bool grow_slots();
  std::uint32_t store(std::string_view piece, std::uint64_t count);

  std::size_t most_bytes_;
  std::size_t size_ = 0;
  bool sorted_ = false;
  Pages<Slot> slots_;
  int shift_ = 32;
  std::vector<Pages<std::uint32_t>> owned_;
  std::vector<std::uint32_t*> chunks_;  // a record longer than a chunk spans several
  std::size_t next_word_ = 0;           // the first free word of the arena
  std::size_t arena_bytes_ = 0;
};

}  // namespace gptc::tokenizer

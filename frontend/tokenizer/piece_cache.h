#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/huge_array.h"
#include "frontend/tokenizer/piece_key.h"

namespace gptc::tokenizer {

/// Remembers the tokens of pieces of up to 15 bytes that have at most four. Of fixed size: a piece
/// may be in four places, two neighbours in one cache line by one hash and two by another; where
/// all are taken, it evicts.
class PieceCache {
 public:
  static constexpr std::size_t kTokens = 4;
  static constexpr std::int32_t kToken = 0xFFFFFF;  // the bits of a token

  struct alignas(32) Entry {
    PieceKey key;
    std::int32_t tokens[kTokens];  // of the last the upper 8 bits hold how many there are

    std::size_t count() const { return static_cast<std::uint32_t>(tokens[kTokens - 1]) >> 24; }

    /// Writes all four places, whatever the count.
    void write(std::int32_t* ids) const {
#if defined(__SSE2__)
      const auto* from = reinterpret_cast<const __m128i*>(tokens);
      const __m128i four = _mm_and_si128(_mm_load_si128(from), _mm_set_epi32(kToken, -1, -1, -1));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(ids), four);
#else
      std::memcpy(ids, tokens, sizeof tokens);
      ids[kTokens - 1] &= kToken;
#endif
    }
  };

  PieceCache() : entries_(kEntries) {}

  /// Where to look first; asks memory for it. What came early is there, so most of what is
  /// frequent.
  const Entry* first_place(const PieceKey& key) const {
    const Entry* const entry = &entries_[first(key)];
    __builtin_prefetch(entry);
    return entry;
  }

  /// Null where the piece is not remembered.
  const Entry* find(const PieceKey& key) const {
    for (const std::size_t place : places(key)) {
      if (entries_[place].key == key) return &entries_[place];
    }
    return nullptr;
  }

  void add(const PieceKey& key, std::span<const std::int32_t> ids) {
    if (ids.size() > kTokens) return;
    Entry entry{key, {}};
    std::copy(ids.begin(), ids.end(), entry.tokens);
    if ((entry.tokens[kTokens - 1] & ~kToken) != 0) return;
    entry.tokens[kTokens - 1] |= static_cast<std::int32_t>(ids.size() << 24);
    const auto all = places(key);
    for (const std::size_t place : all) {
      if (entries_[place].key == PieceKey()) {
        entries_[place] = entry;
        return;
      }
    }
    entries_[all[1]] = entries_[all[0]];
    entries_[all[0]] = entry;
  }

 private:
  static constexpr int kBits = 17;
  static constexpr std::size_t kEntries = std::size_t{1} << kBits;  // 4 MiB
  static constexpr int kShift = 64 - kBits;

  static std::size_t first(const PieceKey& key) { return key.quick_hash() >> kShift; }
  static std::array<std::size_t, 4> places(const PieceKey& key) {
    const std::size_t second = key.hash() >> kShift;
    return {first(key), first(key) ^ 1, second, second ^ 1};
  }

  HugeArray<Entry> entries_;
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

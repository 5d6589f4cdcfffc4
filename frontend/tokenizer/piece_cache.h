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

/// Remembers the tokens of pieces of up to 15 bytes that have at most four, and of which pieces
/// there are more. Of fixed size: a piece may be in four places, two neighbours in one cache line
/// by one hash, LookupSteps::hash, and two by another; where all are taken, it evicts. What is
/// found often moves to its first place, so that the pieces of one text give way to those of the
/// next.
class PieceCache {
 public:
  static constexpr std::size_t kTokens = 4;
  static constexpr std::int32_t kToken = 0xFFFFFF;  // the bits of a token

  struct alignas(32) Entry {
    PieceKey key;
    std::int32_t tokens[kTokens];  // of the last the upper 8 bits hold how many there are

    /// 0 where there are more than kTokens.
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

  /// Where to look first; asks memory for it. Most of what is frequent is there.
  const Entry* first_place(std::uint32_t hash) const {
    // Bits of the hash as they lie are the distance in bytes.
    const auto* const place = reinterpret_cast<const char*>(&entries_[0]) + (hash & kDistances);
    __builtin_prefetch(place);
    return reinterpret_cast<const Entry*>(place);
  }

  /// Null where the piece is not remembered. May move entries, so the one found before is lost.
  const Entry* find(const PieceKey& key, std::uint32_t hash) {
    const auto all = places(key, hash);
    for (const std::size_t place : all) {
      if (!(entries_[place].key == key)) continue;
      if (place == all[0] || ++found_beside_ % kPatience != 0) return &entries_[place];
      const Entry entry = entries_[place];
      // What was first may lie beside, in the same line, but not where the other hash leads.
      if (place != all[1]) entries_[place] = Entry();
      entries_[all[1]] = entries_[all[0]];
      entries_[all[0]] = entry;
      return &entries_[all[0]];
    }
    return nullptr;
  }

  void add(const PieceKey& key, std::uint32_t hash, std::span<const std::int32_t> ids) {
    Entry entry{key, {}};
    if (ids.size() <= kTokens) {
      std::copy(ids.begin(), ids.end(), entry.tokens);
      if ((entry.tokens[kTokens - 1] & ~kToken) != 0) return;
      entry.tokens[kTokens - 1] |= static_cast<std::int32_t>(ids.size() << 24);
    }
    const auto all = places(key, hash);
    for (const std::size_t place : all) {
      if (entries_[place].key == PieceKey()) {
        entries_[place] = entry;
        return;
      }
    }
    if (ids.size() > kTokens) return;
    entries_[all[1]] = entry;
  }

 private:
  static constexpr int kBits = 17;
  static constexpr std::size_t kEntries = std::size_t{1} << kBits;  // 4 MiB
  static constexpr int kShift = 64 - kBits;

  // One in so many moves: of pieces that share a first place the most frequent is mostly there.
  static constexpr std::uint32_t kPatience = 32;

  static constexpr std::uint32_t kDistances = (kEntries - 1) * sizeof(Entry);

  static std::array<std::size_t, 4> places(const PieceKey& key, std::uint32_t hash) {
    const std::size_t first = (hash & kDistances) / sizeof(Entry);
    const std::size_t second = key.hash() >> kShift;
    return {first, first ^ 1, second, second ^ 1};
  }

  HugeArray<Entry> entries_;
  std::uint32_t found_beside_ = 0;  // pieces that were not at their first place
};

/// The same for longer pieces and for those of more tokens: two places each, in which bytes and
/// tokens stand side by side, together at most kBytes - 2 bytes. There are 2 to the kBits.
template <std::size_t kBytes, int kBits>
class LongPieceCache {
 public:
  static constexpr std::size_t kCopied = 16;
  static constexpr std::size_t kTokens = (kBytes / 5 + kCopied - 1) / kCopied * kCopied;

  struct alignas(64) Entry {
    std::uint8_t size;  // 0: empty
    std::uint8_t count;
    char room[kBytes - 2];  // the piece, and behind it, from a multiple of 4 on, its tokens

    /// Writes up to kTokens places, whatever the count.
    void write(std::int32_t* ids) const {
      const char* const from = reinterpret_cast<const char*>(this) + tokens_at(size);
      for (std::size_t i = 0; i < count; i += kCopied) {
        std::memcpy(ids + i, from + i * sizeof(std::int32_t), kCopied * sizeof(std::int32_t));
      }
    }
  };

  LongPieceCache() : entries_(kEntries + 1) {}  // what is copied may reach behind the last

  /// Whether a piece and its tokens have room together.
  static constexpr bool has_room(std::size_t size, std::size_t tokens) {
    return tokens_at(size) + tokens * sizeof(std::int32_t) <= kBytes;
  }

  /// Null where the piece is not remembered.
  const Entry* find(std::string_view piece) const {
    if (!has_room(piece.size(), 1)) return nullptr;
    const std::size_t first = place_of(piece);
    if (holds(entries_[first], piece)) return &entries_[first];
    return holds(entries_[first ^ 1], piece) ? &entries_[first ^ 1] : nullptr;
  }

  /// Only where there is room.
  void add(std::string_view piece, std::span<const std::int32_t> ids) {
    const std::size_t first = place_of(piece);
    if (entries_[first].size != 0) entries_[first ^ 1] = entries_[first];
    Entry& entry = entries_[first];
    entry.size = static_cast<std::uint8_t>(piece.size());
    entry.count = static_cast<std::uint8_t>(ids.size());
    std::memcpy(entry.room, piece.data(), piece.size());
    std::memcpy(reinterpret_cast<char*>(&entry) + tokens_at(piece.size()), ids.data(),
                ids.size_bytes());
  }

 private:
  static constexpr std::size_t kEntries = std::size_t{1} << kBits;
  static constexpr int kShift = 64 - kBits;
  static constexpr std::size_t kStep = sizeof(std::uint64_t);

  static bool holds(const Entry& entry, std::string_view piece) {
    if (entry.size != piece.size()) return false;
    if (piece.size() < kStep) return std::memcmp(entry.room, piece.data(), piece.size()) == 0;
    // Steps of fixed size, the last up to the end, need no call and few branches.
    const std::size_t last = piece.size() - kStep;
    std::uint64_t different = step_at(entry.room + last) ^ step_at(piece.data() + last);
    for (std::size_t at = 0; at < last; at += kStep) {
      different |= step_at(entry.room + at) ^ step_at(piece.data() + at);
    }
    return different == 0;
  }

  static std::size_t place_of(std::string_view piece) { return hash(piece) >> kShift; }
  static constexpr std::size_t tokens_at(std::size_t size) {
    return (offsetof(Entry, room) + size + 3) / 4 * 4;
  }

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

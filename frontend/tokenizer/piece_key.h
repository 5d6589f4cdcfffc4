#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace gptc::tokenizer {

/// A string of 1 to 15 bytes in two registers: its bytes, zeros, and the length in the last byte,
/// so that equal keys are equal strings. No key is all zeros.
struct PieceKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  static constexpr std::size_t kLongest = 15;

  /// Without a branch between the halves.
  bool operator==(const PieceKey& other) const {
    return ((low ^ other.low) | (high ^ other.high)) == 0;
  }

  /// Reads 16 bytes at `at`, whatever the length; a length above kLongest gives the key of no
  /// string.
  static PieceKey load(const char* at, std::size_t length) {
    PieceKey key;
    std::memcpy(&key, at, sizeof key);
    const Row& row = kRows[length <= kLongest ? length : kLongest + 1];
    key.low &= row.low_mask;
    key.high = (key.high & row.high_mask) | row.length;
    return key;
  }

  /// Reads `length` bytes only.
  static PieceKey load_exactly(const char* at, std::size_t length) {
    char bytes[sizeof(PieceKey)] = {};
    std::memcpy(bytes, at, length);
    return load(bytes, length);
  }

  /// Only the upper half is mixed well: quick, for caches.
  std::uint64_t quick_hash() const {
    return low * 0xD6E8FEB86659FD93u + high * 0xC2B2AE3D27D4EB4Fu;
  }

  std::uint64_t hash() const {
    const std::uint64_t mixed = quick_hash();
    return (mixed ^ (mixed >> 32)) * 0xA0761D6478BD642Fu;
  }

 private:
  struct Row {
    std::uint64_t low_mask;
    std::uint64_t high_mask;
    std::uint64_t length;
  };

  static constexpr std::array<Row, kLongest + 2> make_rows() {
    std::array<Row, kLongest + 2> rows{};
    for (std::size_t length = 0; length <= kLongest; ++length) {
      std::array<std::uint8_t, 16> mask{};
      std::array<std::uint8_t, 16> last{};
      for (std::size_t i = 0; i < length; ++i) mask[i] = 0xFF;
      last[15] = static_cast<std::uint8_t>(length);
      const auto masks = std::bit_cast<std::array<std::uint64_t, 2>>(mask);
      rows[length] = {masks[0], masks[1], std::bit_cast<std::array<std::uint64_t, 2>>(last)[1]};
    }
    rows[kLongest + 1].length = ~std::uint64_t{0};
    return rows;
  }

  static const std::array<Row, kLongest + 2> kRows;
};

inline constexpr std::array<PieceKey::Row, PieceKey::kLongest + 2> PieceKey::kRows =
    PieceKey::make_rows();

/// A hash of any string.
inline std::uint64_t hash_bytes(const char* at, std::size_t length) {
  std::uint64_t hash = length * 0x9E3779B97F4A7C15u;
  const auto mix = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * 0xD6E8FEB86659FD93u;
    hash ^= hash >> 32;
  };
  std::uint64_t word = 0;
  for (; length >= sizeof word; at += sizeof word, length -= sizeof word) {
    std::memcpy(&word, at, sizeof word);
    mix(word);
  }
  word = 0;
  std::memcpy(&word, at, length);
  mix(word);
  return hash * 0xA0761D6478BD642Fu;
}

}  // namespace gptc::tokenizer

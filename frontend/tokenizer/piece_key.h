#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace gptc::tokenizer {

/// A string of 1 to 15 bytes in one wide register or two: its bytes, zeros, and the length in the
/// last byte, so that equal keys are equal strings. No key is all zeros, as PieceKey() is.
struct alignas(16) PieceKey {
  std::uint64_t low;
  std::uint64_t high;

  static constexpr std::size_t kLongest = 15;

  /// Without a branch between the halves.
  bool operator==(const PieceKey& other) const {
#if defined(__SSE2__)
    return _mm_movemask_epi8(
               _mm_cmpeq_epi8(_mm_load_si128(reinterpret_cast<const __m128i*>(this)),
                              _mm_load_si128(reinterpret_cast<const __m128i*>(&other)))) == 0xFFFF;
#else
    return ((low ^ other.low) | (high ^ other.high)) == 0;
#endif
  }

  /// Reads 16 bytes at `at`, whatever the length; a length above kLongest gives the key of no
  /// string.
  static PieceKey load(const char* at, std::size_t length) {
    PieceKey key;
    const Row& row = kRows[length <= kLongest ? length : kLongest + 1];
#if defined(__SSE2__)
    const __m128i bytes = _mm_and_si128(register_of(at), register_of(&row.mask));
    _mm_store_si128(reinterpret_cast<__m128i*>(&key),
                    _mm_or_si128(bytes, register_of(&row.length)));
#else
    std::memcpy(&key, at, sizeof key);
    key.low &= row.mask[0];
    key.high = (key.high & row.mask[1]) | row.length[1];
#endif
    return key;
  }

  /// Reads `length` bytes only.
  static PieceKey load_exactly(const char* at, std::size_t length) {
    char bytes[sizeof(PieceKey)] = {};
    std::memcpy(bytes, at, length);
    return load(bytes, length);
  }

  /// Only the upper half is mixed well: quick, for caches.
  std::uint64_t product() const { return low * 0xD6E8FEB86659FD93u + high * 0xC2B2AE3D27D4EB4Fu; }

  std::uint64_t hash() const {
    const std::uint64_t mixed = product();
    return (mixed ^ (mixed >> 32)) * 0xA0761D6478BD642Fu;
  }

 private:
  using Words = std::array<std::uint64_t, 2>;
  struct alignas(16) Row {
    Words mask{};
    Words length{};
  };

#if defined(__SSE2__)
  static __m128i register_of(const void* at) {
    return _mm_loadu_si128(static_cast<const __m128i*>(at));
  }
#endif

  static constexpr std::array<Row, kLongest + 2> make_rows() {
    std::array<Row, kLongest + 2> rows{};
    for (std::size_t length = 0; length <= kLongest; ++length) {
      std::array<std::uint8_t, 16> mask{};
      std::array<std::uint8_t, 16> last{};
      for (std::size_t i = 0; i < length; ++i) mask[i] = 0xFF;
      last[15] = static_cast<std::uint8_t>(length);
      rows[length] = {std::bit_cast<Words>(mask), std::bit_cast<Words>(last)};
    }
    rows[kLongest + 1].length[1] = ~std::uint64_t{0};
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

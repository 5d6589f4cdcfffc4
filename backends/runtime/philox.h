// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011) by Random123, and what the ops make of its words (ir/README.md).
#pragma once

#include <Random123/philox.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace gptc::runtime {

/// The four words of elements 4·index … 4·index+3.
inline std::array<std::uint32_t, 4> philox_block(std::uint64_t index, std::uint64_t counter,
                                                 std::uint64_t key) {
  const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  const auto high = [](std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); };
  r123::Philox4x32::ctr_type counters{};
  counters[0] = low(index);
  counters[1] = high(index);
  counters[2] = low(counter);
  counters[3] = high(counter);
  r123::Philox4x32::key_type keys{};
  keys[0] = low(key);
  keys[1] = high(key);
  const r123::Philox4x32::ctr_type words = r123::Philox4x32{}(counters, keys);
  return {words[0], words[1], words[2], words[3]};
}

inline std::uint32_t philox_word(std::uint64_t element, std::uint64_t counter, std::uint64_t key) {
  return philox_block(element / 4, counter, key)[element % 4];
}

inline constexpr double two_to_minus_32 = 0x1p-32;

/// In [0, 1).
inline double uniform_of(std::uint32_t word) { return word * two_to_minus_32; }

/// An element is kept iff word >= keep_threshold(p); p in [0, 1).
inline std::uint32_t keep_threshold(double p) {
  return static_cast<std::uint32_t>(std::floor(p * 0x1p32));
}

/// Four standard normals of a block, by Box and Muller.
inline std::array<double, 4> normals_of(const std::array<std::uint32_t, 4>& words) {
  std::array<double, 4> normals{};
  for (std::size_t pair = 0; pair < 4; pair += 2) {
    const double radius = std::sqrt(-2.0 * std::log((words[pair] + 1.0) * two_to_minus_32));
    const double angle = 2.0 * std::numbers::pi * uniform_of(words[pair + 1]);
    normals[pair] = radius * std::cos(angle);
    normals[pair + 1] = radius * std::sin(angle);
  }
  return normals;
}

}  // namespace gptc::runtime

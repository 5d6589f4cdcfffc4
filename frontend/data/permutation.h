#pragma once

#include <cstdint>

namespace gptc::data {

/// Scatters the bits of a number over all 64 (the finaliser of splitmix64, Steele et al. 2014).
constexpr std::uint64_t mix_bits(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

/// A permutation of 0 .. size-1 chosen by a key, computed element by element without storage: a
/// Feistel network over the next even number of bits, applied again while the result lies outside
/// (cycle walking; Black and Rogaway 2002).
class KeyedPermutation {
 public:
  /// `size` at least 1 and at most 2^62.
  KeyedPermutation(std::uint64_t size, std::uint64_t key);

  /// Where `index`, below size, goes.
  [[nodiscard]] std::uint64_t operator()(std::uint64_t index) const;

 private:
  std::uint64_t size_;
  std::uint64_t key_;
  unsigned half_bits_;
};

}  // namespace gptc::data

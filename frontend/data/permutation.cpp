#include "frontend/data/permutation.h"

#include <fmt/format.h>

#include <bit>
#include <utility>

#include "frontend/data/error.h"

namespace gptc::data {

KeyedPermutation::KeyedPermutation(std::uint64_t size, std::uint64_t key)
    : size_(size), key_(key), half_bits_(1) {
  constexpr std::uint64_t limit = std::uint64_t{1} << 62;
  if (size < 1 || size > limit) throw Error(fmt::format("cannot permute {} elements", size));
  while (std::uint64_t{1} << (2 * half_bits_) < size) ++half_bits_;
}

std::uint64_t KeyedPermutation::operator()(std::uint64_t index) const {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  constexpr std::uint64_t rounds = 8;  // small domains need more than the four that large ones do
  do {
    std::uint64_t left = index >> half_bits_;
    std::uint64_t right = index & mask;
    for (std::uint64_t round = 0; round < rounds; ++round) {
      left ^= mix_bits(key_ ^ mix_bits(right + (round << 32))) & mask;
      std::swap(left, right);
    }
    index = left << half_bits_ | right;
  } while (index >= size_);
  return index;
}

}  // namespace gptc::data

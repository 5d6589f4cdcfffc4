#include "frontend/data/permutation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "frontend/data/error.h"

namespace gptc::data {
namespace {

TEST(KeyedPermutation, IsABijectionOfEverySize) {
  for (std::uint64_t size = 1; size <= 300; ++size)
    for (const std::uint64_t key : {0U, 1U, 12345U}) {
      const KeyedPermutation permutation(size, key);
      std::vector<bool> seen(size, false);
      for (std::uint64_t i = 0; i < size; ++i) {
        const std::uint64_t to = permutation(i);
        ASSERT_LT(to, size);
        ASSERT_FALSE(seen[to]) << "size " << size << ", key " << key << ", element " << to;
        seen[to] = true;
      }
    }
}

TEST(KeyedPermutation, IsABijectionOfALargeSize) {
  const std::uint64_t size = 1'000'003;
  const KeyedPermutation permutation(size, 99);
  std::vector<bool> seen(size, false);
  for (std::uint64_t i = 0; i < size; ++i) {
    const std::uint64_t to = permutation(i);
    ASSERT_LT(to, size);
    ASSERT_FALSE(seen[to]);
    seen[to] = true;
  }
}

TEST(KeyedPermutation, EveryElementGoesEverywhereEquallyOften) {
  constexpr std::uint64_t size = 11;
  constexpr int keys = 22000;
  std::vector<int> counts(size * size, 0);
  for (std::uint64_t key = 0; key < keys; ++key) {
    const KeyedPermutation permutation(size, mix_bits(key));
    for (std::uint64_t i = 0; i < size; ++i) ++counts[i * size + permutation(i)];
  }
  // Each cell is binomial with mean 2000 and deviation 43; six deviations never happen by chance in
  // 121 cells.
  for (const int count : counts) EXPECT_NEAR(count, keys / 11.0, 6 * std::sqrt(keys / 11.0));
}

TEST(KeyedPermutation, NeighboursDoNotStayTogether) {
  constexpr std::uint64_t size = 5000;
  const KeyedPermutation permutation(size, 3);
  int together = 0;
  for (std::uint64_t i = 0; i + 1 < size; ++i)
    together += permutation(i + 1) == permutation(i) + 1 ? 1 : 0;
  EXPECT_LT(together, 10);  // one is expected
}

TEST(KeyedPermutation, RefusesNoElements) { EXPECT_THROW(KeyedPermutation(0, 1), Error); }

}  // namespace
}  // namespace gptc::data

#include <gtest/gtest.h>

#include <cmath>

#include "tests/onednn/one_node.h"

namespace gptc::testing {

void expect_close(std::span<const float> got, const std::vector<double>& want, double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double error = std::abs(static_cast<double>(got[i]) - want[i]);
    ASSERT_LE(error, tolerance * (1 + std::abs(want[i])))
        << "element " << i << ": " << got[i] << ", not " << want[i];
  }
}

}  // namespace gptc::testing

// Sums over a row that several families use.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace gptc::reference {

/// log Σ exp(x), shifted by the largest x.
template <class F>
F log_sum_exp(const F* x, std::size_t count) {
  const F most = *std::max_element(x, x + count);
  F sum = 0;
  for (std::size_t j = 0; j < count; ++j) sum += std::exp(x[j] - most);
  return most + std::log(sum);
}

}  // namespace gptc::reference

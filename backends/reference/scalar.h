// Scalar functions that several families use.
#pragma once

#include <cmath>
#include <numbers>

namespace gptc::reference {

template <class F>
F relu(F x) {
  return x > 0 ? x : F(0);
}

/// The argument of tanh in GELU's tanh form (Hendrycks and Gimpel, 2016): √(2/π)(x + 0.044715 x³).
template <class F>
F gelu_inner(F x) {
  const F root = std::sqrt(F(2) / std::numbers::pi_v<F>);
  return root * (x + F(0.044715) * x * x * x);
}

template <class F>
F gelu(F x) {
  return x / 2 * (1 + std::tanh(gelu_inner(x)));
}

template <class F>
F gelu_grad(F x) {
  const F root = std::sqrt(F(2) / std::numbers::pi_v<F>);
  const F t = std::tanh(gelu_inner(x));
  return (1 + t) / 2 + x / 2 * (1 - t * t) * root * (1 + 3 * F(0.044715) * x * x);
}

}  // namespace gptc::reference

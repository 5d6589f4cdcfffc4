#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "backends/reference/index.h"
#include "backends/reference/scalar.h"

namespace gptc::reference {

namespace {

template <class F, class Fn>
void map(Call<F>& call, const Fn& fn) {
  const std::vector<F>& x = call.reals(0);
  for (std::size_t i = 0; i < x.size(); ++i) call.out()[i] = fn(x[i]);
}

template <class F, class Fn>
void zip(Call<F>& call, const Fn& fn) {
  for_each_index(call.results[0].type.shape, [&](std::size_t flat, const Index& index) {
    call.out()[flat] = fn(call.reals(0)[broadcast_index(call.shape(0), index)],
                          call.reals(1)[broadcast_index(call.shape(1), index)]);
  });
}

/// Truncates; what the type cannot hold saturates and NaN becomes 0, so no cast is undefined.
template <class F>
std::int64_t to_integer(F value, std::int64_t bytes) {
  const double limit = std::ldexp(1.0, static_cast<int>(8 * bytes - 1));
  const auto wide = static_cast<double>(value);
  if (std::isnan(wide)) return 0;
  if (wide >= limit) return std::numeric_limits<std::int64_t>::max() >> (64 - 8 * bytes);
  if (wide <= -limit) return std::numeric_limits<std::int64_t>::min() >> (64 - 8 * bytes);
  return static_cast<std::int64_t>(wide);
}

}  // namespace

#define GPTC_UNARY(name, expression)                           \
  template <class F>                                           \
  void kernel_##name(Call<F>& call) {                          \
    map(call, [](F x) { return static_cast<F>(expression); }); \
  }                                                            \
  GPTC_REFERENCE_KERNEL(name)

GPTC_UNARY(neg, -x);
GPTC_UNARY(exp, std::exp(x));
GPTC_UNARY(log, std::log(x));
GPTC_UNARY(sqrt, std::sqrt(x));
GPTC_UNARY(rsqrt, 1 / std::sqrt(x));
GPTC_UNARY(tanh, std::tanh(x));
GPTC_UNARY(sigmoid, 1 / (1 + std::exp(-x)));
GPTC_UNARY(relu, relu(x));
GPTC_UNARY(step, x > 0 ? 1 : 0);
GPTC_UNARY(gelu, gelu(x));
#undef GPTC_UNARY

template <class F>
void kernel_gelu_with_grad(Call<F>& call) {
  for (std::size_t i = 0; i < call.reals(0).size(); ++i) {
    call.out(0)[i] = gelu(call.reals(0)[i]);
    call.out(1)[i] = gelu_grad(call.reals(0)[i]);
  }
}
GPTC_REFERENCE_KERNEL(gelu_with_grad);

#define GPTC_BINARY(name, expression)               \
  template <class F>                                \
  void kernel_##name(Call<F>& call) {               \
    zip(call, [](F a, F b) { return expression; }); \
  }                                                 \
  GPTC_REFERENCE_KERNEL(name)

GPTC_BINARY(add, a + b);
GPTC_BINARY(sub, a - b);
GPTC_BINARY(mul, a* b);
GPTC_BINARY(div, a / b);
GPTC_BINARY(maximum, a > b ? a : b);
#undef GPTC_BINARY

template <class F>
void kernel_cast(Call<F>& call) {
  const HostTensor<F>& x = *call.operands[0];
  HostTensor<F>& out = call.results[0];
  const std::int64_t bytes = ir::dtype_bytes(out.type.dtype);
  for (std::size_t i = 0; i < x.numel(); ++i) {
    if (out.is_real())
      out.reals[i] = x.is_real() ? x.reals[i] : static_cast<F>(x.ints[i]);
    else
      out.ints[i] = x.is_real() ? to_integer(x.reals[i], bytes)
                                : to_integer(static_cast<double>(x.ints[i]), bytes);
  }
}
GPTC_REFERENCE_KERNEL(cast);

}  // namespace gptc::reference

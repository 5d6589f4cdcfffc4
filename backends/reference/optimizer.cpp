#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/reference/kernel.h"

namespace gptc::reference {

/// Gradient clipping by the global norm (Pascanu et al., 2013).
template <class F>
void kernel_clip_scale(Call<F>& call) {
  const F sum = call.reals(0)[0];
  const auto max_norm = static_cast<F>(call.attrs().real("max_norm"));
  F scale = 1;
  if (max_norm != 0) scale = std::min(F(1), max_norm / (std::sqrt(sum) + F(1e-6)));
  call.out()[0] = std::isfinite(sum) ? scale : std::numeric_limits<F>::quiet_NaN();
}
GPTC_REFERENCE_KERNEL(clip_scale);

/// AdamW, algorithm 2 of Loshchilov and Hutter (2019), eps outside the root.
/// Operands param, grad, m, v, scale, lr, step.
template <class F>
void kernel_adamw(Call<F>& call) {
  const ir::Attrs& attrs = call.attrs();
  for (std::size_t result = 0; result < 3; ++result)
    call.out(result) = call.reals(result == 0 ? 0 : result + 1);
  const F scale = call.reals(4)[0];
  if (!std::isfinite(scale)) return;
  const F lr = call.reals(5)[0];
  const auto beta1 = static_cast<F>(attrs.real("beta1"));
  const auto beta2 = static_cast<F>(attrs.real("beta2"));
  const auto eps = static_cast<F>(attrs.real("eps"));
  const auto decay = static_cast<F>(attrs.real("weight_decay"));
  const double t = static_cast<double>(call.ints(6)[0]) + 1;
  const auto correction1 = static_cast<F>(1 - std::pow(attrs.real("beta1"), t));
  const auto correction2 = static_cast<F>(1 - std::pow(attrs.real("beta2"), t));
  for (std::size_t i = 0; i < call.out(0).size(); ++i) {
    const F gradient = call.reals(1)[i] * scale;
    F& param = call.out(0)[i];
    F& m = call.out(1)[i];
    F& v = call.out(2)[i];
    m = beta1 * m + (1 - beta1) * gradient;
    v = beta2 * v + (1 - beta2) * gradient * gradient;
    param -= lr * decay * param;
    param -= lr * (m / correction1) / (std::sqrt(v / correction2) + eps);
  }
}
GPTC_REFERENCE_KERNEL(adamw);

}  // namespace gptc::reference

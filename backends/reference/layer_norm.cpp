// y = gain · (x - mean) · rstd + bias over the last axis, biased variance (Ba et al., 2016).
#include <cmath>

#include "backends/reference/kernel.h"

namespace gptc::reference {

template <class F>
void kernel_layer_norm(Call<F>& call) {
  const std::size_t columns = last_size(call.shape(0));
  const auto count = static_cast<F>(columns);
  const auto eps = static_cast<F>(call.attrs().real("eps"));
  for (std::size_t row = 0; row < row_count(call.shape(0)); ++row) {
    const F* x = call.reals(0).data() + row * columns;
    F mean = 0;
    for (std::size_t j = 0; j < columns; ++j) mean += x[j] / count;
    F variance = 0;
    for (std::size_t j = 0; j < columns; ++j) variance += (x[j] - mean) * (x[j] - mean) / count;
    const F rstd = 1 / std::sqrt(variance + eps);
    for (std::size_t j = 0; j < columns; ++j)
      call.out(0)[row * columns + j] = (x[j] - mean) * rstd * call.reals(1)[j] + call.reals(2)[j];
    call.out(1)[row] = mean;
    call.out(2)[row] = rstd;
  }
}
GPTC_REFERENCE_KERNEL(layer_norm);

/// dx = rstd · (g - mean(g) - xhat · mean(g · xhat)) with g = dy · gain.
template <class F>
void kernel_layer_norm_grad(Call<F>& call) {
  const std::size_t columns = last_size(call.shape(1));
  const auto count = static_cast<F>(columns);
  for (std::size_t row = 0; row < row_count(call.shape(1)); ++row) {
    const F* dy = call.reals(0).data() + row * columns;
    const F* x = call.reals(1).data() + row * columns;
    const F mean = call.reals(3)[row];
    const F rstd = call.reals(4)[row];
    F mean_g = 0;
    F mean_g_xhat = 0;
    for (std::size_t j = 0; j < columns; ++j) {
      const F g = dy[j] * call.reals(2)[j];
      mean_g += g / count;
      mean_g_xhat += g * (x[j] - mean) * rstd / count;
    }
    for (std::size_t j = 0; j < columns; ++j)
      call.out()[row * columns + j] =
          rstd * (dy[j] * call.reals(2)[j] - mean_g - (x[j] - mean) * rstd * mean_g_xhat);
  }
}
GPTC_REFERENCE_KERNEL(layer_norm_grad);

template <class F>
void kernel_layer_norm_param_grad(Call<F>& call) {
  const std::size_t columns = last_size(call.shape(1));
  for (std::size_t row = 0; row < row_count(call.shape(1)); ++row)
    for (std::size_t j = 0; j < columns; ++j) {
      const F dy = call.reals(0)[row * columns + j];
      const F x = call.reals(1)[row * columns + j];
      call.out(0)[j] += dy * (x - call.reals(2)[row]) * call.reals(3)[row];
      call.out(1)[j] += dy;
    }
}
GPTC_REFERENCE_KERNEL(layer_norm_param_grad);

}  // namespace gptc::reference

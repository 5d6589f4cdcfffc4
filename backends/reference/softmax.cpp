#include <algorithm>
#include <cmath>

#include "backends/reference/kernel.h"
#include "backends/reference/rows.h"

namespace gptc::reference {

template <class F>
void kernel_softmax(Call<F>& call) {
  const std::size_t columns = last_size(call.shape(0));
  for (std::size_t row = 0; row < row_count(call.shape(0)); ++row) {
    const F* x = call.reals(0).data() + row * columns;
    const F lse = log_sum_exp(x, columns);
    for (std::size_t j = 0; j < columns; ++j) call.out()[row * columns + j] = std::exp(x[j] - lse);
  }
}
GPTC_REFERENCE_KERNEL(softmax);

template <class F>
void kernel_causal_mask(Call<F>& call) {
  const ir::Shape& shape = call.shape(0);
  const std::size_t keys = last_size(shape);
  const std::size_t queries = size_at(shape, shape.rank() - 2);
  const auto fill = static_cast<F>(call.attrs().real("fill"));
  for (std::size_t i = 0; i < call.out().size(); ++i) {
    const std::size_t k = i % keys;
    const std::size_t q = i / keys % queries;
    call.out()[i] = k + queries > q + keys ? fill : call.reals(0)[i];
  }
}
GPTC_REFERENCE_KERNEL(causal_mask);

}  // namespace gptc::reference

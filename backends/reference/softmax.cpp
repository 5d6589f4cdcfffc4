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
  const bool with_past = call.operands.size() > 1;
  const std::size_t of_batch = with_past ? call.out().size() / call.ints(1).size() : 1;
  for (std::size_t i = 0; i < call.out().size(); ++i) {
    const auto k = static_cast<std::int64_t>(i % keys);
    const auto q = static_cast<std::int64_t>(i / keys % queries);
    const std::int64_t past =
        with_past ? call.ints(1)[i / of_batch] : static_cast<std::int64_t>(keys - queries);
    call.out()[i] = k > q + past ? fill : call.reals(0)[i];
  }
}
GPTC_REFERENCE_KERNEL(causal_mask);

}  // namespace gptc::reference

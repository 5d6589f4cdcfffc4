#include "backends/reference/index.h"

namespace gptc::reference {

namespace {

/// out[ids[i]] += dy[i], row by row.
template <class F>
void add_rows(Call<F>& call, std::size_t ids, std::size_t dy) {
  const ir::Shape& table = call.results[0].type.shape;
  const std::size_t columns = last_size(table);
  for (std::size_t i = 0; i < call.ints(ids).size(); ++i) {
    const std::size_t row =
        checked_id(call.node, call.ints(ids)[i], NegativeIds::rejected, size_at(table, 0), i);
    for (std::size_t j = 0; j < columns; ++j)
      call.out()[row * columns + j] += call.reals(dy)[i * columns + j];
  }
}

}  // namespace

template <class F>
void kernel_embedding(Call<F>& call) {
  const std::size_t columns = last_size(call.shape(0));
  for (std::size_t i = 0; i < call.ints(1).size(); ++i) {
    const std::size_t row =
        checked_id(call.node, call.ints(1)[i], NegativeIds::rejected, size_at(call.shape(0), 0), i);
    for (std::size_t j = 0; j < columns; ++j)
      copy_element(*call.operands[0], row * columns + j, call.results[0], i * columns + j);
  }
}
GPTC_REFERENCE_KERNEL(embedding);

template <class F>
void kernel_embedding_grad(Call<F>& call) {
  add_rows(call, 0, 1);
}
GPTC_REFERENCE_KERNEL(embedding_grad);

template <class F>
void kernel_scatter_add(Call<F>& call) {
  call.out() = call.reals(0);
  add_rows(call, 1, 2);
}
GPTC_REFERENCE_KERNEL(scatter_add);

}  // namespace gptc::reference

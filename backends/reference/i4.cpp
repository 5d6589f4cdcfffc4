// Weights of half a byte.
#include "backends/reference/kernel.h"

namespace gptc::reference {

namespace {

constexpr std::size_t group = 32;

/// Value `k` of row `row` of q i8[R,K/2] with scales [R,K/32].
template <class F>
F value_at(const std::vector<std::int64_t>& q, const std::vector<F>& scales, std::size_t inner,
           std::size_t row, std::size_t k) {
  const std::size_t in_group = k % group;
  const std::size_t byte = row * inner / 2 + k / group * (group / 2) + in_group % (group / 2);
  const std::int64_t both = q[byte];
  const std::int64_t low = ((both & 15) ^ 8) - 8;
  const std::int64_t number = in_group < group / 2 ? low : both >> 4;
  return static_cast<F>(number) * scales[row * inner / group + k / group];
}

}  // namespace

template <class F>
void kernel_unpack_i4(Call<F>& call) {
  const std::size_t inner = last_size(call.results[0].type.shape);
  for (std::size_t i = 0; i < call.out().size(); ++i)
    call.out()[i] = value_at(call.ints(0), call.reals(1), inner, i / inner, i % inner);
}
GPTC_REFERENCE_KERNEL(unpack_i4);

template <class F>
void kernel_matmul_i4(Call<F>& call) {
  const std::size_t inner = last_size(call.shape(0));
  const std::size_t columns = last_size(call.results[0].type.shape);
  for (std::size_t i = 0; i < call.out().size(); ++i) {
    const std::size_t row = i / columns;
    for (std::size_t k = 0; k < inner; ++k)
      call.out()[i] += call.reals(0)[row * inner + k] *
                       value_at(call.ints(1), call.reals(2), inner, i % columns, k);
  }
}
GPTC_REFERENCE_KERNEL(matmul_i4);

}  // namespace gptc::reference

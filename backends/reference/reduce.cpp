#include <algorithm>
#include <limits>

#include "backends/reference/index.h"

namespace gptc::reference {

namespace {

/// Folds every element into the result element without the reduced axes.
template <class F, class Fold>
void fold_axes(Call<F>& call, const Fold& fold) {
  const ir::Ints& axes = call.attrs().ints("axes");
  const ir::Shape& result = call.results[0].type.shape;
  for_each_index(call.shape(0), [&](std::size_t flat, const Index& index) {
    Index kept;
    for (std::size_t axis = 0; axis < index.size(); ++axis)
      if (std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(axis)) == axes.end())
        kept.push_back(index[axis]);
    F& into = call.out()[flat_index(result, kept)];
    into = fold(into, call.reals(0)[flat]);
  });
}

}  // namespace

template <class F>
void kernel_reduce_sum(Call<F>& call) {
  fold_axes(call, [](F sum, F x) { return sum + x; });
}
GPTC_REFERENCE_KERNEL(reduce_sum);

template <class F>
void kernel_reduce_max(Call<F>& call) {
  std::fill(call.out().begin(), call.out().end(), -std::numeric_limits<F>::infinity());
  fold_axes(call, [](F most, F x) { return x > most ? x : most; });
}
GPTC_REFERENCE_KERNEL(reduce_max);

template <class F>
void kernel_sum_squares(Call<F>& call) {
  for (const F x : call.reals(0)) call.out()[0] += x * x;
}
GPTC_REFERENCE_KERNEL(sum_squares);

}  // namespace gptc::reference

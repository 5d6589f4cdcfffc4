#include <algorithm>

#include "backends/reference/kernel.h"

namespace gptc::reference {

template <class F>
void kernel_constant(Call<F>& call) {
  const double value = call.attrs().real("value");
  HostTensor<F>& out = call.results[0];
  std::fill(out.reals.begin(), out.reals.end(), static_cast<F>(value));
  std::fill(out.ints.begin(), out.ints.end(), static_cast<std::int64_t>(value));
}
GPTC_REFERENCE_KERNEL(constant);

}  // namespace gptc::reference

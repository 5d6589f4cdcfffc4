#include <algorithm>

#include "backends/reference/kernel.h"
#include "backends/runtime/philox.h"

namespace gptc::reference {

template <class F>
void kernel_random_normal(Call<F>& call) {
  const std::uint64_t key = call.attrs().key("rng_key");
  const double mean = call.attrs().real("mean");
  const double std = call.attrs().real("std");
  std::vector<F>& out = call.out();
  for (std::size_t first = 0; first < out.size(); first += 4) {
    const auto normals = runtime::normals_of(runtime::philox_block(first / 4, 0, key));
    for (std::size_t i = first; i < std::min(first + 4, out.size()); ++i)
      out[i] = static_cast<F>(mean + std * normals[i - first]);
  }
}
GPTC_REFERENCE_KERNEL(random_normal);

template <class F>
void kernel_random_uniform(Call<F>& call) {
  const std::uint64_t key = call.attrs().key("rng_key");
  const double low = call.attrs().real("low");
  const double high = call.attrs().real("high");
  std::vector<F>& out = call.out();
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] =
        static_cast<F>(low + (high - low) * runtime::uniform_of(runtime::philox_word(i, 0, key)));
}
GPTC_REFERENCE_KERNEL(random_uniform);

template <class F>
void kernel_dropout(Call<F>& call) {
  const double p = call.attrs().real("p");
  const std::uint64_t key = call.attrs().key("rng_key");
  const auto counter = static_cast<std::uint64_t>(call.ints(1)[0]);
  const std::uint32_t threshold = runtime::keep_threshold(p);
  const std::vector<F>& x = call.reals(0);
  for (std::size_t i = 0; i < x.size(); ++i)
    if (runtime::philox_word(i, counter, key) >= threshold)
      call.out()[i] = x[i] / static_cast<F>(1 - p);
}
GPTC_REFERENCE_KERNEL(dropout);

}  // namespace gptc::reference

// Rows of caches, and attention to them.
#include <algorithm>
#include <cmath>

#include "backends/reference/index.h"

namespace gptc::reference {

template <class F>
void kernel_positions(Call<F>& call) {
  const std::int64_t limit = call.attrs().integer("limit");
  const std::int64_t first = call.attrs().integer("first");
  HostTensor<F>& out = call.results[0];
  for_each_index(out.type.shape, [&](std::size_t flat, const Index& index) {
    const std::int64_t position =
        first + call.ints(0)[index[0]] + static_cast<std::int64_t>(index[1]);
    out.ints[flat] = std::clamp<std::int64_t>(position, 0, limit - 1);
  });
}
GPTC_REFERENCE_KERNEL(positions);

template <class F>
void kernel_cache_write(Call<F>& call) {
  const HostTensor<F>& x = *call.operands[1];
  HostTensor<F>& out = call.results[0];
  out.reals = call.operands[0]->reals;
  out.ints = call.operands[0]->ints;
  const bool by_head = out.type.shape.rank() > x.type.shape.rank();  // [B,H,S,D] of x[B,N,H·D]
  const auto rows = static_cast<std::int64_t>(size_at(out.type.shape, by_head ? 2 : 1));
  ir::Shape written = x.type.shape;
  std::size_t start = 0;
  if (call.attrs().integer("start") >= 0) {
    start = static_cast<std::size_t>(call.attrs().integer("start"));
    const std::size_t heads = by_head ? size_at(out.type.shape, 1) : 1;
    written[written.rank() - 1] = static_cast<std::int64_t>(heads * last_size(out.type.shape));
  }
  for_each_index(written, [&](std::size_t, Index index) {
    Index from = index;
    from[written.rank() - 1] += start;
    const std::size_t flat = flat_index(x.type.shape, from);
    const std::int64_t row = call.ints(2)[index[0]] + static_cast<std::int64_t>(index[1]);
    if (row < 0 || row >= rows) return;
    index[1] = static_cast<std::size_t>(row);
    if (by_head) {
      const std::size_t size = last_size(out.type.shape);
      index = {index[0], index[2] / size, index[1], index[2] % size};
    }
    copy_element(x, flat, out, flat_index(out.type.shape, index));
  });
}
GPTC_REFERENCE_KERNEL(cache_write);

template <class F>
void kernel_cache_read(Call<F>& call) {
  const HostTensor<F>& cache = *call.operands[0];
  HostTensor<F>& out = call.results[0];
  const auto rows = static_cast<std::int64_t>(size_at(cache.type.shape, 1));
  for_each_index(out.type.shape, [&](std::size_t flat, Index index) {
    const std::int64_t row =
        call.ints(1)[index[0]] + static_cast<std::int64_t>(index[1]) - call.attrs().integer("by");
    if (row < 0 || row >= rows) return;
    index[1] = static_cast<std::size_t>(row);
    copy_element(cache, flat_index(cache.type.shape, index), out, flat);
  });
}
GPTC_REFERENCE_KERNEL(cache_read);

template <class F>
void kernel_cached_attention(Call<F>& call) {
  const auto scale = static_cast<F>(call.attrs().real("scale"));
  const std::size_t heads = size_at(call.shape(1), 1);
  const std::size_t size = last_size(call.shape(1));
  const std::size_t channels = heads * size;
  const std::size_t width = last_size(call.shape(0));
  const auto start =
      static_cast<std::size_t>(std::max<std::int64_t>(0, call.attrs().integer("start")));
  const std::size_t queries = size_at(call.shape(0), 1);
  const std::size_t rows = size_at(call.shape(1), 2);
  for (std::size_t i = 0; i < row_count(call.shape(0)) * heads; ++i) {
    const std::size_t query = i / heads;
    const std::size_t batch = query / queries;
    const std::size_t at = query * channels + i % heads * size;
    const std::size_t from = query * width + start + i % heads * size;
    const std::int64_t own = call.ints(3)[batch] + static_cast<std::int64_t>(query % queries);
    const std::size_t seen =
        std::min(rows, static_cast<std::size_t>(std::max<std::int64_t>(own, 0)) + 1);
    std::vector<F> weights(seen);
    const std::size_t first = (batch * heads + i % heads) * rows * size;
    for (std::size_t k = 0; k < seen; ++k) {
      for (std::size_t d = 0; d < size; ++d)
        weights[k] += call.reals(0)[from + d] * call.reals(1)[first + k * size + d] * scale;
    }
    const F most = *std::ranges::max_element(weights);
    F sum = 0;
    for (F& weight : weights) sum += weight = std::exp(weight - most);
    for (std::size_t k = 0; k < seen; ++k) {
      for (std::size_t d = 0; d < size; ++d)
        call.out()[at + d] += weights[k] / sum * call.reals(2)[first + k * size + d];
    }
  }
}
GPTC_REFERENCE_KERNEL(cached_attention);

}  // namespace gptc::reference

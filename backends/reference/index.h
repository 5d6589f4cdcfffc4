// Multi-indices: walking shapes in C order with broadcasting, permutation and offsets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/reference/kernel.h"

namespace gptc::reference {

using Index = std::vector<std::size_t>;

/// Calls visit(flat, index) for every element in C order.
template <class Visit>
void for_each_index(const ir::Shape& shape, const Visit& visit) {
  Index index(shape.rank(), 0);
  const auto count = static_cast<std::size_t>(shape.numel());
  for (std::size_t flat = 0; flat < count; ++flat) {
    visit(flat, index);
    for (std::size_t axis = shape.rank(); axis-- > 0;) {
      if (++index[axis] < size_at(shape, axis)) break;
      index[axis] = 0;
    }
  }
}

inline std::size_t flat_index(const ir::Shape& shape, const Index& index) {
  std::size_t flat = 0;
  for (std::size_t axis = 0; axis < shape.rank(); ++axis)
    flat = flat * size_at(shape, axis) + index[axis];
  return flat;
}

/// The element of an operand that broadcasting (from the right, size 1 repeats) puts at `index`.
inline std::size_t broadcast_index(const ir::Shape& operand, const Index& index) {
  const std::size_t added = index.size() - operand.rank();
  std::size_t flat = 0;
  for (std::size_t axis = 0; axis < operand.rank(); ++axis) {
    const std::size_t size = size_at(operand, axis);
    flat = flat * size + (size == 1 ? 0 : index[added + axis]);
  }
  return flat;
}

/// to[at_to] = from[at_from], whichever vector the type uses.
template <class F>
void copy_element(const HostTensor<F>& from, std::size_t at_from, HostTensor<F>& to,
                  std::size_t at_to) {
  if (to.is_real())
    to.reals[at_to] = from.reals[at_from];
  else
    to.ints[at_to] = from.ints[at_from];
}

}  // namespace gptc::reference

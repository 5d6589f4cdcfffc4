// A kernel of the oracle: an obvious loop from operands to results, for F = double and float.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "backends/reference/host_tensor.h"
#include "ir/op_def.h"

namespace gptc::reference {

/// One evaluation of a node. Results come as zeros of the node's types; the interpreter rounds them
/// to their types afterwards.
template <class F>
struct Call {
  const ir::Node& node;
  std::span<const HostTensor<F>* const> operands;
  std::vector<HostTensor<F>> results;

  const ir::Attrs& attrs() const { return node.attrs; }
  const ir::Shape& shape(std::size_t operand) const { return operands[operand]->type.shape; }
  const std::vector<F>& reals(std::size_t operand) const { return operands[operand]->reals; }
  const std::vector<std::int64_t>& ints(std::size_t operand) const {
    return operands[operand]->ints;
  }
  std::vector<F>& out(std::size_t result = 0) { return results[result].reals; }
};

template <class F>
using KernelFn = void (*)(Call<F>&);

/// Null where kernels.def does not list the op; then the op's row decomposes it.
template <class F>
KernelFn<F> find_kernel(ir::OpKind kind);

/// A named size as an index type.
inline std::size_t size_at(const ir::Shape& shape, std::size_t axis) {
  return static_cast<std::size_t>(shape[axis].size());
}
inline std::size_t last_size(const ir::Shape& shape) {
  return shape.rank() == 0 ? 1 : size_at(shape, shape.rank() - 1);
}
inline std::size_t row_count(const ir::Shape& shape) {
  return static_cast<std::size_t>(shape.rows());
}

enum class NegativeIds { rejected, ignored };
/// The id as an index, 0 for an ignored one. UserError `op: ids must be …` if it is out of range.
std::size_t checked_id(const ir::Node& node, std::int64_t id, NegativeIds negative,
                       std::size_t size, std::size_t element);

/// Behind a kernel's definition: makes both instances, as kernels.def declares them.
#define GPTC_REFERENCE_KERNEL(name)           \
  template void kernel_##name(Call<double>&); \
  template void kernel_##name(Call<float>&)

}  // namespace gptc::reference

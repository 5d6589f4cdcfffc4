#include "backends/reference/kernel.h"

namespace gptc::reference {

#define KERNEL(name) \
  template <class F> \
  void kernel_##name(Call<F>&);
#include "backends/reference/kernels.def"
#undef KERNEL

template <class F>
KernelFn<F> find_kernel(ir::OpKind kind) {
  struct Row {
    ir::OpKind kind;
    KernelFn<F> kernel;
  };
  static constexpr Row table[] = {
#define KERNEL(name) {ir::OpKind::name, &kernel_##name<F>},
#include "backends/reference/kernels.def"
#undef KERNEL
  };
  for (const Row& row : table)
    if (row.kind == kind) return row.kernel;
  return nullptr;
}

template KernelFn<double> find_kernel<double>(ir::OpKind);
template KernelFn<float> find_kernel<float>(ir::OpKind);

std::size_t checked_id(const ir::Node& node, std::int64_t id, NegativeIds negative,
                       std::size_t size, std::size_t element) {
  const auto limit = static_cast<std::int64_t>(size);
  const bool ignored = id < 0 && negative == NegativeIds::ignored;
  ir::user_check(ignored || (id >= 0 && id < limit),
                 "{}: ids must be {}0..{}, but got {} at element {}{}{}", ir::op_def(node).name,
                 negative == NegativeIds::ignored ? "negative (not counted) or " : "", limit - 1,
                 id, element, node.origin.scope.empty() ? "" : " in ", node.origin.scope);
  return ignored ? 0 : static_cast<std::size_t>(id);
}

}  // namespace gptc::reference

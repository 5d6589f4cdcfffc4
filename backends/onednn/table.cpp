#include <array>
#include <optional>
#include <vector>

#include "backends/onednn/kernel.h"
#include "ir/op_def.h"

namespace gptc::onednn {

#define K(name) KernelRow kernel_##name();
#include "backends/onednn/kernels.def"
#undef K

namespace {

std::vector<std::optional<KernelRow>> make_table() {
  std::vector<std::optional<KernelRow>> rows(ir::all_ops().size());
#define K(name) rows[static_cast<std::size_t>(ir::OpKind::name)] = kernel_##name();
#include "backends/onednn/kernels.def"
#undef K
  return rows;
}

}  // namespace

const KernelRow* find_kernel(ir::OpKind kind) {
  static const std::vector<std::optional<KernelRow>> rows = make_table();
  const auto& row = rows[static_cast<std::size_t>(kind)];
  return row ? &*row : nullptr;
}

}  // namespace gptc::onednn

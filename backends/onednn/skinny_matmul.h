// matmul nodes of few rows, as a kernel.
#pragma once

#include "backends/onednn/kernel.h"

namespace gptc::onednn {

/// Of a matmul with transpose_b: at most 16 rows against one matrix of weights, f32 or bf16 both
/// (oneDNN reads plain weights at half of the memory's speed there), or any number if it is exact
/// or against i8.
bool is_skinny(const ir::Graph& graph, const ir::Node& node);
/// Of such a matmul, or of matmul_i4. For `threads` threads together.
std::int64_t skinny_workspace(const ir::Graph& graph, const ir::Node& node, int threads);
std::unique_ptr<Kernel> create_skinny(const ir::Graph& graph, const ir::Node& node,
                                      const KernelArgs& args);

}  // namespace gptc::onednn

// Regions of row-local ops (residual, dropout, layer norm; forward and backward) become one
// row_fused op.
#pragma once

#include "passes/pass.h"

namespace gptc::passes {

/// After autodiff. Anchors: first the row reductions (layer_norm, softmax, …), then what is
/// elementwise. A region grows over neighbours of the same row shape while no path leaves it and
/// comes back. What the epilogue of a matmul does better (a bias, a product with it) stays outside.
bool fuse_rows(ir::Graph& graph, const PassContext& context);

}  // namespace gptc::passes

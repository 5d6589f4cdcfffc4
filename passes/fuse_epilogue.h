// What follows a matmul element by element is done while its result is in registers.
#pragma once

#include "passes/pass.h"

namespace gptc::passes {

/// After autodiff. Anchor: a matmul whose result has one reader: a bias [N], gelu, relu, a product
/// or a sum with a value of the result's shape. Repeats with the reader's result.
bool fuse_epilogue(ir::Graph& graph, const PassContext& context);

/// Whether `user`, the only reader of the matmul's result, can become the next entry of its
/// epilogue.
bool fits_epilogue(const ir::Graph& graph, ir::Value operand, ir::NodeId user);

}  // namespace gptc::passes

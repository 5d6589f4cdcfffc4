#pragma once

#include "passes/pass.h"

namespace gptc::passes {

/// Where the backward pass computes a forward result on its way (OpDef::computed_by: gelu by
/// gelu_with_grad, the loss by linear_cross_entropy_grad), the forward op goes and its users read
/// that result. Not where the other op itself depends on ours: that would be a cycle.
bool share_forward(ir::Graph& graph, const PassContext& context);

}  // namespace gptc::passes

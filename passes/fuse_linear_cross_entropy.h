// The head's matmul and the loss become one op, so that logits [B·T,V] never exist whole.
#pragma once

#include "passes/pass.h"

namespace gptc::passes {

/// Before autodiff. Anchor: a cross_entropy of x · wᵀ whose logits nobody else reads.
bool fuse_linear_cross_entropy(ir::Graph& graph, const PassContext& context);

}  // namespace gptc::passes

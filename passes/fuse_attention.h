// Multi-head attention written in core ops becomes the op `attention`, which never holds T×T.
#pragma once

#include "passes/pass.h"

namespace gptc::passes {

/// Before autodiff. Anchor: the softmax between two batched matmuls over heads [B,H,T,D].
bool fuse_attention(ir::Graph& graph, const PassContext& context);

}  // namespace gptc::passes

// Where the forward pass is narrow: what crosses such places is kept, so that a part of it runs
// again from what was kept before.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "passes/recompute.h"

namespace gptc::passes {

/// Of `forward.candidates`, what may run again if results that cross every `stride`-th narrow place
/// are kept. A place is narrow if the bytes that forward nodes behind it read from before are few:
/// between layers it is the residual stream. (Chen et al., arXiv 1604.06174, choose such places by
/// hand.) Stride 0: no place, all candidates.
NodeSet allowed_between(const ir::Graph& graph, const ForwardPass& forward, std::size_t stride);

/// How many narrow places there are.
std::size_t narrow_places(const ir::Graph& graph, const ForwardPass& forward);

}  // namespace gptc::passes

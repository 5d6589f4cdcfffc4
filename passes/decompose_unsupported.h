#pragma once

#include "passes/pass.h"

namespace gptc::passes {

/// Replaces every op for which the backend has no kernel by its decomposition, again and again
/// until all have one. UserError for an op with neither.
bool decompose_unsupported(ir::Graph& graph, const PassContext& context);

}  // namespace gptc::passes

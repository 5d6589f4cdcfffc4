#pragma once

#include "passes/pass.h"

namespace gptc::passes {

/// Erases what no output or update needs. Inputs stay, used or not: they are the signature.
bool dce(ir::Graph& graph, const PassContext& context);

}  // namespace gptc::passes

#pragma once

#include "passes/pass.h"

namespace gptc::passes {

/// Merges nodes of the same op, operands, attributes and body; the first one stays. The operands of
/// commutative ops count in any order. Inputs and states are never merged, nor is a constant that a
/// state takes; two random ops only if their keys are equal, and then they are the same numbers.
bool cse(ir::Graph& graph, const PassContext& context);

}  // namespace gptc::passes

// The verifier: structure, then every row's infer again. There is no second description of the
// rules.
#pragma once

#include "ir/module.h"

namespace gptc::ir {

/// InternalError naming the node unless: operands exist and precede no cycle, Boost.Graph's edges
/// are the operands, attributes fit their row, infer gives the stored types, rng_keys are unique
/// (by op and key, forward and gradient sharing allowed), bodies are valid, outputs and updates
/// exist with fitting types, states are declared with the same type.
void verify(const Module& module);
void verify(const Graph& graph, const Module* module = nullptr);

/// InternalError unless the text form parses back to an equal module.
void verify_text(const Module& module);

}  // namespace gptc::ir

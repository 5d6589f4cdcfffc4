// Reverse-mode differentiation of a graph (Griewank & Walther, Evaluating Derivatives, ch. 3).
#pragma once

#include "passes/derive.h"

namespace gptc::passes {

/// Appends, for every trainable state, the gradient of output `loss` as output
/// `grad.<parameter>`, of the parameter's type. Only nodes on a path from a parameter to the loss
/// are visited; contributions are added in reverse topological order, and broadcasts are summed
/// here and nowhere else. Nodes made for a forward node carry its origin with "/grad" behind the
/// scope. UserError if the loss does not reach a parameter, or reaches one only through an op
/// without a gradient.
bool autodiff(ir::Graph& graph, const Derivation& derivation);

}  // namespace gptc::passes

// Graphs of one case: the op alone, its decomposition, its gradient.
#pragma once

#include "ir/graph.h"
#include "ir/op_def.h"
#include "tests/support/op_case.h"

namespace gptc::testing {

/// Inputs a0, a1, …, the op, outputs r0, r1, …. Verified, and its text parses back.
ir::Graph graph_of(const OpCase& op_case);

/// The same interface over `decompose`'s nodes.
ir::Graph decomposed_graph(const OpCase& op_case, ir::DecomposeFn decompose);

/// The op with its gradient: inputs a0, … and dr<r>, the gradients of the results r that the case's
/// gradient_of lists; outputs da<i> for each operand i that gets a gradient.
ir::Graph gradient_graph(const OpCase& op_case, ir::VjpFn vjp);

/// InternalError if the graph is not valid or its text does not parse back to it.
void check_graph(const ir::Graph& graph);

}  // namespace gptc::testing

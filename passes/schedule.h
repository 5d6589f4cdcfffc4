// Chooses the order of execution.
#pragma once

#include "passes/pass.h"

namespace gptc::passes {

/// Renumbers the nodes into execution order: of several candidate orders the one with the least
/// bytes live at once. Readers of a state come before the node that may update it in place, where
/// the graph allows.
bool schedule(ir::Graph& graph, const PassContext& context);

}  // namespace gptc::passes

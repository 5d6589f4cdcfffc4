// Gives every byte its place: results, scratch and updated states, over a scheduled graph.
#pragma once

#include "ir/module.h"
#include "ir/program.h"
#include "passes/pass.h"

namespace gptc::passes {

/// Views share their operand's bytes; a result takes over an operand's bytes where its op's row
/// allows and nothing reads them later; an update is written straight into its state where no read
/// of the old value follows, otherwise it is placed in the arena and copied at the end.
ir::Program plan_memory(const ir::Module& module, const ir::Graph& graph,
                        const PassContext& context);

/// Independent of the planner: replays the program and follows who owns each byte. InternalError
/// naming the node that would read bytes that another has overwritten.
void check_plan(const ir::Module& module, const ir::Program& program);

}  // namespace gptc::passes

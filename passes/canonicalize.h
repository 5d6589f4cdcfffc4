#pragma once

#include "passes/pass.h"

namespace gptc::passes {

/// One spelling for each computation: the rules of passes/rules/, to a fixed point. They remove
/// what does nothing (x + 0, reshapes to the same shape, dropout with p = 0), merge pairs
/// (transpose of transpose), let ops use what they can do themselves (broadcasting, transposed
/// operands, adding into a table) and move `select` towards the operands, so that work on rows not
/// selected goes. Values change by no more than the sign of a zero.
bool canonicalize(ir::Graph& graph, const PassContext& context);

}  // namespace gptc::passes

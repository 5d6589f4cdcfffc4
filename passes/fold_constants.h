#pragma once

#include "passes/pass.h"

namespace gptc::passes {

/// Computes what depends on constants alone. A constant is one number repeated, so this covers
/// elementwise ops, ops that only move elements, and sums and maxima. Results are rounded to their
/// type; integers and infinite results are left alone.
bool fold_constants(ir::Graph& graph, const PassContext& context);

}  // namespace gptc::passes

// The one entry to the passes for whoever compiles a module.
#pragma once

#include "passes/derive.h"
#include "passes/pass.h"
#include "passes/runner.h"

namespace gptc::passes {

/// Makes the graph `request.graph` from the module's `forward` (`apply` and `init` from its
/// states), optimised and in execution order, and puts it into the module, whose states grow by
/// what the graph needs (moments, gradient sums). `init` covers the states there are by then, so
/// lower it last. UserError for what is wrong with the model or the request.
ir::Graph& lower(ir::Module& module, const DeriveRequest& request, const PassContext& context,
                 const RunnerOptions& options = {});

}  // namespace gptc::passes

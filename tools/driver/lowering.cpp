#include "tools/driver/lowering.h"

#include <utility>

#include "passes/plan_memory.h"

namespace gptc::driver {

std::vector<PlannedGraph> lower_and_plan(ir::Module& module,
                                         const std::vector<GraphRequest>& requests,
                                         const LoweringOptions& options) {
  std::vector<ir::Graph> lowered;
  for (const GraphRequest& request : requests) {
    lowered.push_back(passes::lower(module,
                                    {.graph = request.graph,
                                     .sizes = request.sizes,
                                     .train = options.train,
                                     .seed = options.seed},
                                    options.context, {.log = options.log}));
  }
  std::vector<PlannedGraph> planned;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    planned.push_back(
        {requests[i].label, passes::plan_memory(module, lowered[i], options.context)});
  }
  return planned;
}

}  // namespace gptc::driver

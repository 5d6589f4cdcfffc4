// From a declared model to planned programs; allocates none of the model's memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/program.h"
#include "passes/compile.h"

namespace gptc::driver {

/// A graph to compile: `graph` is a name of passes::interfaces(), `label` what its user calls it.
struct GraphRequest {
  std::string label;
  std::string graph;
  passes::DimSizes sizes;
};

struct LoweringOptions {
  std::uint64_t seed = 0;  // of initial values
  passes::TrainOptions train = {};
  passes::PassContext context = {};
  std::function<void(std::string_view)> log = {};  // a line for each pass
};

struct PlannedGraph {
  std::string label;
  ir::Program program;
};

/// Lowers every request, then plans them: lowering declares states, and plans know where all of
/// them lie. `init` covers what earlier requests declared, so it belongs at the end.
std::vector<PlannedGraph> lower_and_plan(ir::Module& module,
                                         const std::vector<GraphRequest>& requests,
                                         const LoweringOptions& options);

}  // namespace gptc::driver

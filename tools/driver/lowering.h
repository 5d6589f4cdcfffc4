// From a declared model to planned programs; allocates none of the model's memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/program.h"
#include "passes/compile.h"
#include "passes/memory_report.h"
#include "passes/rematerialise.h"

namespace gptc::driver {

/// A graph to compile: `graph` is a name of passes::interfaces(), `label` what its user calls it.
struct GraphRequest {
  std::string label;
  std::string graph;
  passes::DimSizes sizes;
  /// May wait until someone wants it: it declares no state that others have not. A CompiledModel
  /// without a budget for memory then lowers it before its first run.
  bool on_first_use = false;
};

/// What a name on the command line stands for: a graph of passes::interfaces(), or `generate`:
/// prefill of T tokens, and decode.
std::vector<GraphRequest> requests_named(const std::string& name, const passes::DimSizes& sizes);
/// B and T of a graph, and S, what its caches hold, where it is a chunk's: then S is the T given,
/// and T the chunk's length.
passes::DimSizes sizes_for(const std::string& name, passes::DimSizes sizes);

struct LoweringOptions {
  std::uint64_t seed = 0;                 // of initial values
  ir::DType dtype = ir::DType::f32;       // what products compute in: f32 or bf16
  bool exact = false;                     // logits have the same bits whatever way a text is read
  ir::DType grad_dtype = ir::DType::f32;  // what gradients are kept in: f32 or bf16
  passes::TrainOptions train = {};
  passes::PassContext context = {};
  std::function<void(std::string_view)> log = {};  // a line for each pass
  /// What a library allocates by itself while a graph runs; empty: nothing.
  std::function<std::int64_t(const ir::Graph&)> allocated_bytes = {};
  /// What states, arena, library and `memory_taken` may take together, in bytes; 0: no limit.
  std::int64_t memory_budget = 0;
  std::int64_t memory_taken = 0;  // by what lies in memory besides: tokens
};

struct PlannedGraph {
  std::string label;
  ir::Program program;
  std::int64_t allocated_bytes = 0;  // by a library, while it runs
};

/// Every request lowered: all states that plans must know are declared then. `init` covers what
/// earlier requests declared, so it belongs at the end.
std::vector<ir::Graph> lower_all(ir::Module& module, const std::vector<GraphRequest>& requests,
                                 const LoweringOptions& options);

/// Lowers every request, then plans them. With a budget, forward passes run partly again where that
/// is needed; UserError naming the smallest budget that works if none of the plans fits.
std::vector<PlannedGraph> lower_and_plan(ir::Module& module,
                                         const std::vector<GraphRequest>& requests,
                                         const LoweringOptions& options);

/// A plan that a budget may lead to: states, the arena that all graphs share and what a library
/// allocates; and the time of one run of `graph`.
struct CurvePoint {
  std::int64_t peak_bytes = 0;
  double seconds = 0;
};

/// The frontier of one of the graphs, from fast to small: peaks fall, times rise.
std::vector<CurvePoint> memory_curve(const ir::Module& module, const std::vector<ir::Graph>& graphs,
                                     std::size_t of, const LoweringOptions& options,
                                     const passes::Ceilings& ceilings);

/// "1.50 GiB (1610612736 bytes)".
std::string bytes_text(std::int64_t bytes);

}  // namespace gptc::driver

// The IR of a model at a stage of its compilation; allocates none of the model's memory.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "ir/program.h"
#include "passes/derive.h"
#include "tools/driver/model_source.h"

namespace gptc::driver {

struct DumpRequest {
  /// A name of passes::interfaces(); generate: prefill and decode; forward: as declared.
  std::string graph = "train";
  std::string stage = "final";  // a pass, its number, an alias, plan, final, or all
  passes::DimSizes sizes;
  ir::DType dtype = ir::DType::f32;
  /// How weights are stored, of graphs that only read them; nothing: as they are declared.
  std::optional<passes::WeightStore> weights = {};
  ir::DType grad_dtype = ir::DType::f32;
  passes::TrainOptions train = {};
  std::function<void(std::string_view)> explain = {};
  std::function<void(std::string_view)> log = {};
};

/// The module as it is at a stage: the states there are by then, and the one graph, or the two of
/// `generate`.
struct Snapshot {
  std::string name;  // "07.autodiff"
  ir::Module module;
  std::vector<ir::Program> programs;  // of each graph, at the stage plan
};

/// One snapshot, or for `all` one a stage. UserError for an unknown graph or
/// stage, and for weights stored otherwise in a graph that trains.
std::vector<Snapshot> dump_ir(const ModelSource& source, const runtime::Backend& backend,
                              const DumpRequest& request);

/// The text form; a plan's placements stand behind the nodes as comments, which carry no meaning.
std::string snapshot_text(const Snapshot& snapshot);

}  // namespace gptc::driver

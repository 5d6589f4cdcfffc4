// A row of a pipeline: a pass over the graph alone, or a step that derives it from the module.
#pragma once

#include <string_view>

#include "passes/derive.h"
#include "passes/pass.h"

namespace gptc::passes {

struct Stage {
  std::string_view name;     // = function name = name on the command line
  std::string_view summary;  // what it does, one line for `gptc passes`
  bool (*pass)(ir::Graph& graph, const PassContext& context) = nullptr;
  bool (*step)(ir::Graph& graph, const Derivation& derivation) = nullptr;  // one of the two
};

/// A stage where it stands in a pipeline.
struct Row {
  const Stage* stage;
  std::string_view why;         // why it stands here
  std::string_view alias = {};  // a second name for this place: "fusion" is the last of them
};

}  // namespace gptc::passes

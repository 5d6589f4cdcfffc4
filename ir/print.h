// The text form, which parses back (ir/parse.h), and Graphviz.
#pragma once

#include <functional>
#include <string>

#include "ir/module.h"

namespace gptc::ir {

struct PrintOptions {
  bool locations = true;
  /// Text put behind a node as a `#` comment; it carries no meaning.
  std::function<std::string(const Graph&, NodeId)> comment = {};
};

std::string print(const Module& module, const PrintOptions& options = {});
std::string print(const Graph& graph, const PrintOptions& options = {});
/// Graphviz: one box per node, coloured by op family, clustered by scope.
std::string print_dot(const Graph& graph);

/// Names as print gives them: "%12", "%tokens", "%h.0.ln_1.weight". By id, then result.
std::vector<std::vector<std::string>> value_names(const Graph& graph);

}  // namespace gptc::ir

// A pass is one free function, graph → graph, that says whether it changed anything.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "ir/module.h"

namespace gptc::passes {

/// What a pass may ask of the outside. Empty functions: every op is supported, nothing needs
/// scratch, nobody listens.
struct PassContext {
  std::function<bool(const ir::Graph&, ir::NodeId)> supports = {};
  std::function<std::int64_t(const ir::Graph&, ir::NodeId)> workspace_bytes = {};
  /// The part of workspace_bytes that is a library's own scratch, for reports.
  std::function<std::int64_t(const ir::Graph&, ir::NodeId)> library_bytes = {};
  /// What the arena of a graph may take, for rematerialise; 0: no limit.
  std::int64_t arena_budget = 0;
  /// One line for `--explain`: where a fusion applied, or the first condition that failed, with its
  /// value.
  std::function<void(std::string_view)> explain = {};
};

struct Pass {
  std::string_view name;     // = file name = name on the command line
  std::string_view summary;  // one line for `gptc passes`
  bool (*run)(ir::Graph& graph, const PassContext& context);
};

}  // namespace gptc::passes

// What the fusions share: an anchor and an ordered list of named conditions, told to `--explain`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ir/graph.h"
#include "passes/pass.h"

namespace gptc::passes {

/// One attempt to fuse at an anchor. The first condition that fails is explained with its value.
class Attempt {
 public:
  Attempt(const PassContext& context, std::string_view pass, const ir::Graph& graph,
          ir::NodeId anchor);

  /// Returns `holds`; false ends the attempt with an explanation `pass: scope op: rule, but got
  /// value`.
  bool require(bool holds, std::string_view rule, std::string_view got);
  void applied(std::string_view what);

 private:
  void say(std::string_view text);

  const PassContext& context_;
  std::string head_;
};

/// The only reader of a value, if it is a node and there is no other use.
std::optional<ir::NodeId> only_user(const ir::Graph& graph, ir::Value value);
std::string_view op_name(const ir::Graph& graph, ir::NodeId node);

}  // namespace gptc::passes

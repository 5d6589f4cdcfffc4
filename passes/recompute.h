// Runs parts of the forward pass again where the backward pass reads them, instead of keeping them.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/graph.h"

namespace gptc::passes {

/// By id.
using NodeSet = std::vector<bool>;

/// How a scheduled training graph divides: the forward pass is what its output `loss` depends on,
/// and views of that (nothing, where there is no such output).
struct ForwardPass {
  explicit ForwardPass(const ir::Graph& graph);

  /// Whose bytes the value shows: itself unless it is a view.
  ir::Value root(ir::Value value) const;

  NodeSet nodes;
  /// Roots of forward values that other nodes read, ascending; neither inputs nor states.
  std::vector<ir::Value> wanted;
  /// Worth running again: some node runs between the last forward reader and the first other one,
  /// no output or update takes a result, and its readers run before the states it reads change.
  /// Not what a product is added to: in place or not, such a sum is rounded differently.
  NodeSet candidates;

 private:
  const ir::Graph* graph_;
};

/// The graph with a clone of each node of `again` that backward readers need, directly or through
/// other clones: same kind, attributes, key and body, so the same bits. A clone stands right before
/// its first reader and its scope ends in "/again"; readers in the forward pass keep the original.
/// Order, and with it every sum's order, stays otherwise. `again` may hold candidates only.
ir::Graph recompute(const ir::Graph& graph, const ForwardPass& forward, const NodeSet& again);

}  // namespace gptc::passes

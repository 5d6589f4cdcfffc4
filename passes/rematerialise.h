// Less memory for more time: parts of the forward pass run again in the backward pass.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "passes/cost.h"
#include "passes/pass.h"
#include "passes/recompute.h"

namespace gptc::passes {

/// A plan of the frontier: what the planner makes of the graph with these nodes run again.
struct FrontierPoint {
  NodeSet again;  // none in the first point: the graph as it is
  std::int64_t arena_bytes = 0;
  double seconds = 0;  // least_seconds of the graph with its clones
};

/// Points of falling arena and rising time, made one after the other. Each runs again what the one
/// before does and more, so that time rises under any ceilings. A graph without output `loss` has
/// its first point only.
class Frontier {
 public:
  /// The graph is scheduled and outlives the frontier, as the context does.
  Frontier(const ir::Graph& graph, const PassContext& context, const Ceilings& ceilings = {});

  /// The next point; nothing behind the last.
  std::optional<FrontierPoint> next();
  ir::Graph graph_of(const FrontierPoint& point) const;

 private:
  void find_sets();
  [[nodiscard]] const NodeSet* best_of(const std::vector<NodeSet>& targets) const;
  void add_target(const NodeSet& target);
  [[nodiscard]] std::int64_t bound_of(const NodeSet& again) const;
  [[nodiscard]] FrontierPoint planned(const NodeSet& again) const;

  const ir::Graph& graph_;
  const PassContext& context_;
  Ceilings ceilings_;
  ForwardPass forward_;
  std::vector<NodeSet> sets_;  // nested, of falling bound; those not planned yet
  NodeSet reached_;            // the last of them
  std::int64_t bound_ = 0;     // its bound
  bool searched_ = false;
  std::size_t planned_ = 0;
  std::int64_t least_ = 0;  // arena of the last point
};

/// Replaces the graph by the first point of its frontier, which is the fastest, whose arena fits
/// context.arena_budget, or by the last, which is the smallest. A budget of 0 is no limit.
bool rematerialise(ir::Graph& graph, const PassContext& context);

}  // namespace gptc::passes

// Algorithms over a graph's structure, done by Boost.Graph.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace gptc::ir {

/// All live nodes, producers first; among ready nodes the smallest id first. InternalError on a
/// cycle.
std::vector<NodeId> topological_order(const Graph& graph);

/// by id: reachable from any root along producer → consumer (`forward`) or the other way.
enum class Direction { to_users, to_operands };
std::vector<bool> reachable(const Graph& graph, const std::vector<NodeId>& roots,
                            Direction direction);

/// Structural equality: same nodes in topological order, names, attributes, origins, outputs,
/// updates.
bool equal(const Graph& a, const Graph& b);

}  // namespace gptc::ir

// What to keep for the backward pass and what to compute again: a minimum cut.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/graph.h"
#include "passes/recompute.h"

namespace gptc::passes {

struct KeepProblem {
  const ir::Graph* graph = nullptr;
  const ForwardPass* forward = nullptr;
  NodeSet allowed;              // may be run again
  std::vector<double> seconds;  // by node: what running it again takes
  double bytes_per_second = 0;  // what a second is worth
};

/// The nodes to run again so that bytes kept over the turn from forward to backward pass, plus the
/// seconds spent again at their price, are least; of several such sets the smallest. Every wanted
/// value is kept or computed again, from operands that are kept or computed again themselves.
///
/// The cut (Greig, Porteous, Seheult 1989): a value has a vertex "available", a node a vertex
/// "again"; source → available of the wanted, available → again costs the value's bytes, again →
/// sink the seconds, and again → available of each operand cannot be cut.
NodeSet cheapest_again(const KeepProblem& problem);

}  // namespace gptc::passes

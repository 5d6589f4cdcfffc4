// How long nodes take at least: a pure function of the graph and the machine's limits.
#pragma once

#include "ir/graph.h"

namespace gptc::passes {

/// What the machine can do: fused multiply-adds count as two operations. The defaults are those of
/// two cores with AVX-512 and bf16 dot products; plans are chosen by them, so that a plan does not
/// depend on the machine that makes it.
struct Ceilings {
  double gflops = 234;
  double bf16_gflops = 469;
  double gigabytes_per_second = 34;
};

/// The node's operations at the peak of their type, or its bytes at the bandwidth, whichever takes
/// longer (the roofline model: Williams, Waterman, Patterson 2009).
double least_seconds(const ir::Graph& graph, ir::NodeId node, const Ceilings& ceilings = {});

/// The sum over all nodes.
double least_seconds(const ir::Graph& graph, const Ceilings& ceilings = {});

}  // namespace gptc::passes

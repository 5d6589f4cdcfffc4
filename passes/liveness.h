// When each value is needed, over a scheduled graph (ids are the order of execution).
#pragma once

#include <cstdint>
#include <vector>

#include "ir/graph.h"

namespace gptc::passes {

/// From the node that makes a value to the last that reads it, both included.
struct Lifetime {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool used = false;  // by a node, an output or an update
};

/// By node, by result. Inputs live from 0; outputs and updates live to the end (`graph.slots()`).
std::vector<std::vector<Lifetime>> liveness(const ir::Graph& graph);

}  // namespace gptc::passes

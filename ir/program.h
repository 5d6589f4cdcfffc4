// What a backend gets: a graph whose id order is the execution order, and where every byte lies.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/module.h"

namespace gptc::ir {

/// Every buffer starts at a multiple of this many bytes.
inline constexpr std::int64_t buffer_alignment = 64;

struct Placement {
  enum class Space : std::uint8_t { none, arena, state };
  Space space = Space::none;  // none: never materialised (unused results)
  std::int64_t offset = 0;    // bytes into the arena or the state block
  std::int64_t bytes = 0;
};

/// The state block: one buffer per state in declaration order.
struct StateLayout {
  std::vector<std::int64_t> offsets;
  std::int64_t bytes = 0;
};
StateLayout layout_states(const Module& module);

struct Program {
  Graph graph;                                  // ids 0, 1, … are the order of execution
  std::vector<std::vector<Placement>> results;  // by node, by result
  std::vector<Placement> workspaces;            // by node: the kernel's scratch memory
  std::int64_t arena_bytes = 0;
  std::int64_t lower_bound_bytes = 0;  // most bytes live at once under this schedule

  const Placement& placement(Value value) const { return results[value.node.index][value.result]; }
};

}  // namespace gptc::ir

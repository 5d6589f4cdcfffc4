// Which values share bytes, over a scheduled graph: what plan_memory gives places to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "passes/assign_offsets.h"
#include "passes/pass.h"

namespace gptc::passes {

/// Bytes that several values share: one interval of the arena, or a state.
struct Buffer {
  std::int64_t bytes = 0;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::optional<std::string> state;  // the state whose bytes these are
};

struct Buffers {
  static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

  std::vector<Buffer> all;
  std::vector<std::vector<std::size_t>> of;  // by node, by result: index into `all`, or nowhere
};

/// Views share their operand's bytes; a result takes over an operand's bytes where its op's row
/// allows and nothing reads them later; an update is computed in its state where no read of the old
/// value follows. Results that nobody reads are nowhere.
Buffers share_buffers(const ir::Graph& graph);

/// Scratch bytes of every node, by id.
std::vector<std::int64_t> scratch_bytes(const ir::Graph& graph, const PassContext& context);

/// What the arena must hold: the buffers that are no states, in their order, then the scratch of
/// nodes that have some, in theirs.
std::vector<Interval> arena_intervals(const Buffers& buffers,
                                      const std::vector<std::int64_t>& scratch);

/// The most bytes of the arena that live at once if nodes run in the order of their ids.
std::int64_t live_bound(const ir::Graph& graph, const PassContext& context);

}  // namespace gptc::passes

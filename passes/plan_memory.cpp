#include "passes/plan_memory.h"

#include <algorithm>
#include <map>

#include "ir/check.h"
#include "passes/assign_offsets.h"
#include "passes/buffers.h"

namespace gptc::passes {
namespace {

using ir::Placement;

class Placer {
 public:
  Placer(const ir::Module& module, const Buffers& buffers, const Offsets& offsets) {
    const ir::StateLayout layout = ir::layout_states(module);
    std::map<std::string, std::int64_t, std::less<>> states;
    for (std::size_t i = 0; i < module.states().size(); ++i) {
      states.emplace(module.states()[i].name, layout.offsets[i]);
    }
    std::size_t next = 0;
    for (const Buffer& buffer : buffers.all) {
      places_.push_back(
          buffer.state ? Placement{Placement::Space::state, states.at(*buffer.state), buffer.bytes}
                       : Placement{Placement::Space::arena, offsets.offsets[next++], buffer.bytes});
    }
  }

  Placement of(std::size_t buffer) const {
    return buffer == Buffers::nowhere ? Placement{} : places_[buffer];
  }

 private:
  std::vector<Placement> places_;  // by buffer
};

}  // namespace

ir::Program plan_memory(const ir::Module& module, const ir::Graph& graph,
                        const PassContext& context) {
  ir::internal_check(graph.nodes().size() == graph.slots(), "plan_memory: graph {} is not compact",
                     graph.name());
  const Buffers buffers = share_buffers(graph);
  const std::vector<std::int64_t> scratch = scratch_bytes(graph, context);
  const std::vector<Interval> intervals = arena_intervals(buffers, scratch);
  const Offsets offsets = assign_offsets(intervals);
  const Placer placer(module, buffers, offsets);
  ir::Program program{.graph = graph};
  program.arena_bytes = offsets.peak;
  program.lower_bound_bytes = lower_bound(intervals);
  program.results.resize(graph.slots());
  program.workspaces.resize(graph.slots());
  auto next = static_cast<std::size_t>(std::count_if(buffers.all.begin(), buffers.all.end(),
                                                     [](const Buffer& b) { return !b.state; }));
  for (std::uint32_t n = 0; n < graph.slots(); ++n) {
    for (const std::size_t index : buffers.of[n]) program.results[n].push_back(placer.of(index));
    if (scratch[n] > 0) {
      program.workspaces[n] = {Placement::Space::arena, offsets.offsets[next++], scratch[n]};
    }
  }
  check_plan(module, program);
  return program;
}

}  // namespace gptc::passes

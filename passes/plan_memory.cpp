#include "passes/plan_memory.h"

#include <algorithm>
#include <map>
#include <optional>

#include "ir/check.h"
#include "ir/op_def.h"
#include "passes/assign_offsets.h"
#include "passes/liveness.h"

namespace gptc::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Placement;
using ir::Value;

/// Bytes that several values share: one interval of the arena, or a state.
struct Buffer {
  std::int64_t bytes = 0;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::optional<std::size_t> state;  // index of the state whose bytes these are
};

class Planner {
 public:
  Planner(const ir::Module& module, const Graph& graph, const PassContext& context)
      : module_(module),
        graph_(graph),
        context_(context),
        lives_(liveness(graph)),
        layout_(ir::layout_states(module)),
        buffer_of_(graph.slots()),
        state_buffer_(module.states().size()) {
    for (std::size_t i = 0; i < module.states().size(); ++i) {
      state_index_.emplace(module.states()[i].name, i);
    }
    for (const ir::Update& update : graph.updates()) {
      updates_[update.value].push_back(state_index_.at(update.state));
    }
  }

  ir::Program run() {
    for (const NodeId id :
         graph_.nodes()) {  // first, so that no update precedes a read of the old value
      if (graph_[id].kind == ir::OpKind::state) place_state(id);
    }
    for (const NodeId id : graph_.nodes()) {
      if (graph_[id].kind != ir::OpKind::state) place_node(id);
    }
    return program();
  }

 private:
  static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

  std::size_t& buffer_index(Value value) { return buffer_of_[value.node.index][value.result]; }
  Buffer& buffer(Value value) { return buffers_[buffer_index(value)]; }
  const Lifetime& life(Value value) const { return lives_[value.node.index][value.result]; }

  std::size_t state_buffer(std::size_t state) {
    if (!state_buffer_[state]) {
      state_buffer_[state] = buffers_.size();
      buffers_.push_back({.bytes = module_.states()[state].type.bytes(), .state = state});
    }
    return *state_buffer_[state];
  }

  void join(Value value, std::size_t index) {
    buffer_index(value) = index;
    buffers_[index].end = std::max(buffers_[index].end, life(value).end);
  }

  void place_state(NodeId id) {
    buffer_of_[id.index].assign(1, nowhere);
    join({id, 0}, state_buffer(state_index_.at(graph_[id].attrs.string("name"))));
  }

  void place_node(NodeId id) {
    const Node& node = graph_[id];
    buffer_of_[id.index].assign(node.results.size(), nowhere);
    for (std::uint32_t r = 0; r < node.results.size(); ++r) {
      const Value value{id, r};
      if (!life(value).used && node.kind != ir::OpKind::input) continue;
      if (ir::op_def(node).has(ir::Trait::view)) {
        join(value, buffer_index(node.operands[0]));
      } else if (!place_in_state(value, node) && !place_over_operand(value, node)) {
        buffer_index(value) = buffers_.size();
        buffers_.push_back(
            {.bytes = node.results[r].bytes(), .begin = life(value).begin, .end = life(value).end});
      }
    }
  }

  /// May the bytes of buffer `index` be overwritten by the result while the node runs?
  bool may_overwrite(Value result, const Node& node, std::size_t index) {
    if (buffers_[index].end > result.node.index) return false;
    for (std::uint32_t other = 0; other < result.result; ++other) {
      if (buffer_of_[result.node.index][other] == index) return false;
    }
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      if (buffer_index(node.operands[i]) != index) continue;
      const auto& rules = ir::op_def(node).in_place;
      const bool allowed = std::any_of(rules.begin(), rules.end(), [&](const ir::InPlace& rule) {
        return rule.result == result.result && rule.operand == i;
      });
      if (!allowed || graph_.type(node.operands[i]) != graph_.type(result)) return false;
      if (std::count(node.operands.begin(), node.operands.end(), node.operands[i]) > 1)
        return false;
    }
    return true;
  }

  bool place_in_state(Value result, const Node& node) {
    const auto found = updates_.find(result);
    if (found == updates_.end()) return false;
    const std::size_t index = state_buffer(found->second.front());
    if (!may_overwrite(result, node, index)) return false;
    join(result, index);
    return true;
  }

  bool place_over_operand(Value result, const Node& node) {
    for (const ir::InPlace& rule : ir::op_def(node).in_place) {
      if (rule.result != result.result || rule.operand >= node.operands.size()) continue;
      const std::size_t index = buffer_index(node.operands[rule.operand]);
      if (index == nowhere || buffers_[index].state || !may_overwrite(result, node, index))
        continue;
      join(result, index);
      return true;
    }
    return false;
  }

  ir::Program program() {
    ir::Program program{.graph = graph_};
    std::vector<Interval> intervals;
    std::vector<std::size_t> interval_of(buffers_.size(), nowhere);
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      if (buffers_[i].state) continue;
      interval_of[i] = intervals.size();
      intervals.push_back({buffers_[i].bytes, buffers_[i].begin, buffers_[i].end});
    }
    const std::size_t values = intervals.size();
    std::vector<std::int64_t> scratch(graph_.slots());
    for (const NodeId id : graph_.nodes()) {
      if (context_.workspace_bytes) scratch[id.index] = context_.workspace_bytes(graph_, id);
      if (scratch[id.index] > 0) intervals.push_back({scratch[id.index], id.index, id.index});
    }
    const Offsets offsets = assign_offsets(intervals);
    program.arena_bytes = offsets.peak;
    program.lower_bound_bytes = lower_bound(intervals);
    program.results.resize(graph_.slots());
    program.workspaces.resize(graph_.slots());
    std::size_t next = values;
    for (std::uint32_t n = 0; n < graph_.slots(); ++n) {
      for (const std::size_t index : buffer_of_[n]) {
        program.results[n].push_back(placement(index, interval_of, offsets));
      }
      if (scratch[n] > 0) {
        program.workspaces[n] = {Placement::Space::arena, offsets.offsets[next++], scratch[n]};
      }
    }
    return program;
  }

  Placement placement(std::size_t index, const std::vector<std::size_t>& interval_of,
                      const Offsets& offsets) const {
    if (index == nowhere) return {};
    const Buffer& buffer = buffers_[index];
    if (buffer.state) {
      return {Placement::Space::state, layout_.offsets[*buffer.state], buffer.bytes};
    }
    return {Placement::Space::arena, offsets.offsets[interval_of[index]], buffer.bytes};
  }

  const ir::Module& module_;
  const Graph& graph_;
  const PassContext& context_;
  std::vector<std::vector<Lifetime>> lives_;
  ir::StateLayout layout_;
  std::map<std::string, std::size_t, std::less<>> state_index_;
  std::map<Value, std::vector<std::size_t>> updates_;
  std::vector<Buffer> buffers_;
  std::vector<std::vector<std::size_t>> buffer_of_;
  std::vector<std::optional<std::size_t>> state_buffer_;
};

}  // namespace

ir::Program plan_memory(const ir::Module& module, const Graph& graph, const PassContext& context) {
  ir::internal_check(graph.nodes().size() == graph.slots(), "plan_memory: graph {} is not compact",
                     graph.name());
  ir::Program program = Planner(module, graph, context).run();
  check_plan(module, program);
  return program;
}

}  // namespace gptc::passes

#include "passes/buffers.h"

#include <algorithm>
#include <map>

#include "ir/op_def.h"
#include "passes/liveness.h"

namespace gptc::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Value;

class Sharing {
 public:
  explicit Sharing(const Graph& graph) : graph_(graph), lives_(liveness(graph)) {
    result_.of.resize(graph.slots());
    for (const ir::Update& update : graph.updates()) {
      updates_.try_emplace(update.value, update.state);
    }
  }

  Buffers run() {
    for (const NodeId id :
         graph_.nodes()) {  // first, so that no update precedes a read of the old value
      if (graph_[id].kind == ir::OpKind::state) place_state(id);
    }
    for (const NodeId id : graph_.nodes()) {
      if (graph_[id].kind != ir::OpKind::state) place_node(id);
    }
    return std::move(result_);
  }

 private:
  std::size_t& index_of(Value value) { return result_.of[value.node.index][value.result]; }
  const Lifetime& life(Value value) const { return lives_[value.node.index][value.result]; }

  std::size_t state_buffer(const std::string& state, const ir::Type& type) {
    const auto [entry, fresh] = states_.try_emplace(state, result_.all.size());
    if (fresh) result_.all.push_back({.bytes = type.bytes(), .state = state});
    return entry->second;
  }

  void join(Value value, std::size_t index) {
    index_of(value) = index;
    result_.all[index].end = std::max(result_.all[index].end, life(value).end);
  }

  void place_state(NodeId id) {
    result_.of[id.index].assign(1, Buffers::nowhere);
    join({id, 0}, state_buffer(graph_[id].attrs.string("name"), graph_[id].results[0]));
  }

  void place_node(NodeId id) {
    const Node& node = graph_[id];
    result_.of[id.index].assign(node.results.size(), Buffers::nowhere);
    for (std::uint32_t r = 0; r < node.results.size(); ++r) {
      const Value value{id, r};
      if (!life(value).used && node.kind != ir::OpKind::input) continue;
      if (ir::op_def(node).has(ir::Trait::view)) {
        join(value, index_of(node.operands[0]));
      } else if (!place_in_state(value, node) && !place_over_operand(value, node)) {
        index_of(value) = result_.all.size();
        result_.all.push_back(
            {.bytes = node.results[r].bytes(), .begin = life(value).begin, .end = life(value).end});
      }
    }
  }

  /// May the bytes of buffer `index` be overwritten by the result while the node runs?
  bool may_overwrite(Value result, const Node& node, std::size_t index) {
    if (result_.all[index].end > result.node.index) return false;
    for (std::uint32_t other = 0; other < result.result; ++other) {
      if (result_.of[result.node.index][other] == index) return false;
    }
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      if (index_of(node.operands[i]) != index) continue;
      const std::vector<ir::InPlace> rules = ir::in_place_rules(node);
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
    const std::size_t index = state_buffer(found->second, graph_.type(result));
    if (!may_overwrite(result, node, index)) return false;
    join(result, index);
    return true;
  }

  bool place_over_operand(Value result, const Node& node) {
    for (const ir::InPlace& rule : ir::in_place_rules(node)) {
      if (rule.result != result.result || rule.operand >= node.operands.size()) continue;
      const std::size_t index = index_of(node.operands[rule.operand]);
      if (index == Buffers::nowhere || result_.all[index].state ||
          !may_overwrite(result, node, index)) {
        continue;
      }
      join(result, index);
      return true;
    }
    return false;
  }

  const Graph& graph_;
  std::vector<std::vector<Lifetime>> lives_;
  std::map<Value, std::string> updates_;  // the first state that takes the value
  std::map<std::string, std::size_t, std::less<>> states_;
  Buffers result_;
};

}  // namespace

Buffers share_buffers(const Graph& graph) { return Sharing(graph).run(); }

std::vector<std::int64_t> scratch_bytes(const Graph& graph, const PassContext& context) {
  std::vector<std::int64_t> scratch(graph.slots());
  if (!context.workspace_bytes) return scratch;
  for (const NodeId id : graph.nodes()) scratch[id.index] = context.workspace_bytes(graph, id);
  return scratch;
}

std::vector<Interval> arena_intervals(const Buffers& buffers,
                                      const std::vector<std::int64_t>& scratch) {
  std::vector<Interval> intervals;
  for (const Buffer& buffer : buffers.all) {
    if (!buffer.state) intervals.push_back({buffer.bytes, buffer.begin, buffer.end});
  }
  for (std::uint32_t n = 0; n < scratch.size(); ++n) {
    if (scratch[n] > 0) intervals.push_back({scratch[n], n, n});
  }
  return intervals;
}

std::int64_t live_bound(const Graph& graph, const PassContext& context) {
  return lower_bound(arena_intervals(share_buffers(graph), scratch_bytes(graph, context)));
}

}  // namespace gptc::passes

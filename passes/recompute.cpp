#include "passes/recompute.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>

#include "ir/check.h"
#include "ir/graph_algo.h"
#include "ir/op_def.h"

namespace gptc::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Value;

constexpr std::string_view loss_output = "loss";

bool is_view(const Node& node) { return ir::op_def(node).has(ir::Trait::view); }
bool is_given(const Node& node) {
  return node.kind == ir::OpKind::input || node.kind == ir::OpKind::state;
}

/// When a forward value's bytes are read, by what it shows.
struct Readers {
  std::uint32_t last_forward = 0;
  std::uint32_t first_other = std::numeric_limits<std::uint32_t>::max();
  bool by_other = false;
  bool taken = false;  // by an output or an update
};

}  // namespace

Value ForwardPass::root(Value value) const {
  while (is_view((*graph_)[value.node])) value = (*graph_)[value.node].operands[0];
  return value;
}

namespace {

/// By node, by result; of roots.
using ReaderTable = std::vector<std::vector<Readers>>;

ReaderTable readers_of(const Graph& graph, const ForwardPass& forward) {
  ReaderTable table(graph.slots());
  for (const NodeId id : graph.nodes()) {
    table[id.index].assign(graph[id].results.size(), {.last_forward = id.index});
  }
  const auto at = [&](Value value) -> Readers& {
    const Value root = forward.root(value);
    return table[root.node.index][root.result];
  };
  for (const NodeId id : graph.nodes()) {
    if (is_view(graph[id])) continue;
    for (const Value operand : graph[id].operands) {
      Readers& readers = at(operand);
      if (forward.nodes[id.index]) {
        readers.last_forward = std::max(readers.last_forward, id.index);
      } else {
        readers.first_other = std::min(readers.first_other, id.index);
        readers.by_other = true;
      }
    }
  }
  for (const ir::Output& output : graph.outputs()) at(output.value).taken = true;
  for (const ir::Update& update : graph.updates()) at(update.value).taken = true;
  return table;
}

/// By id: the first node that may write over a state which the node, or what it is computed from,
/// reads.
std::vector<std::uint32_t> first_changes(const Graph& graph, const ForwardPass& forward) {
  std::vector<std::uint32_t> first(graph.slots(), static_cast<std::uint32_t>(graph.slots()));
  for (const ir::Update& update : graph.updates()) {
    const NodeId writer = forward.root(update.value).node;
    const auto state = graph.find_state(update.state);
    if (is_given(graph[writer]) || !state) continue;
    std::uint32_t& change = first[state->node.index];
    change = std::min(change, writer.index);
  }
  for (const NodeId id : graph.nodes()) {
    for (const Value operand : graph[id].operands)
      first[id.index] = std::min(first[id.index], first[operand.node.index]);
  }
  return first;
}

/// Whether the op may write over this operand and does not compute element by element: then in
/// place or not may be rounded differently (a product added to what is there before, or after).
bool rounds_in_place(const Graph& graph, NodeId id, std::size_t operand) {
  if (ir::is_row_local(graph, id)) return false;
  const std::vector<ir::InPlace> rules = ir::in_place_rules(graph[id]);
  return std::any_of(rules.begin(), rules.end(), [&](const ir::InPlace& rule) {
    return rule.operand == operand &&
           graph.type(graph[id].operands[operand]) == graph[id].results[rule.result];
  });
}

/// Values whose lives must not change, for the bits' sake: a reader rounds in place.
std::set<Value> fixed_values(const Graph& graph, const ForwardPass& forward) {
  std::set<Value> fixed;
  for (const NodeId id : graph.nodes()) {
    for (std::size_t i = 0; i < graph[id].operands.size(); ++i) {
      const Value value = forward.root(graph[id].operands[i]);
      if (!is_given(graph[value.node]) && rounds_in_place(graph, id, i)) fixed.insert(value);
    }
  }
  return fixed;
}

/// Whether running it again leaves all those lives alone.
bool keeps_lives(const Graph& graph, const ForwardPass& forward, const std::set<Value>& fixed,
                 NodeId id) {
  for (std::uint32_t r = 0; r < graph[id].results.size(); ++r) {
    if (fixed.contains(Value{id, r})) return false;
  }
  const auto& operands = graph[id].operands;
  return std::none_of(operands.begin(), operands.end(),
                      [&](Value operand) { return fixed.contains(forward.root(operand)); });
}

/// By id: how many nodes before it compute something.
std::vector<std::uint32_t> computing_before(const Graph& graph) {
  std::vector<std::uint32_t> before(graph.slots() + 1);
  for (std::uint32_t i = 0; i < graph.slots(); ++i) {
    const Node& node = graph[NodeId{i}];
    before[i + 1] = before[i] + (is_given(node) || is_view(node) ? 0 : 1);
  }
  return before;
}

}  // namespace

ForwardPass::ForwardPass(const Graph& graph)
    : nodes(graph.slots()), candidates(graph.slots()), graph_(&graph) {
  const std::optional<Value> loss = graph.find_output(loss_output);
  if (!loss) return;
  nodes = ir::reachable(graph, {loss->node}, ir::Direction::to_operands);
  for (const NodeId id : graph.nodes()) {
    if (is_view(graph[id]) && nodes[root({id, 0}).node.index]) nodes[id.index] = true;
  }
  const ReaderTable table = readers_of(graph, *this);
  const std::vector<std::uint32_t> before = computing_before(graph);
  const std::vector<std::uint32_t> changes = first_changes(graph, *this);
  const std::set<Value> fixed = fixed_values(graph, *this);
  for (const NodeId id : graph.nodes()) {
    if (!nodes[id.index] || is_given(graph[id]) || is_view(graph[id])) continue;
    bool worthwhile = keeps_lives(graph, *this, fixed, id);
    for (std::uint32_t r = 0; r < graph[id].results.size(); ++r) {
      const Readers& readers = table[id.index][r];
      worthwhile &= !readers.taken;
      if (!readers.by_other) continue;
      wanted.push_back({id, r});
      const bool gap = readers.first_other > readers.last_forward &&
                       before[readers.first_other] > before[readers.last_forward + 1];
      worthwhile &= gap && readers.first_other < changes[id.index];
    }
    candidates[id.index] = worthwhile;
  }
}

namespace {

class Recomputer {
 public:
  Recomputer(const Graph& graph, const ForwardPass& forward, const NodeSet& again)
      : result_(graph), forward_(forward), again_(again), clones_(graph.slots()) {}

  Graph run() {
    for (const NodeId id : result_.nodes()) {
      if (!forward_.nodes[id.index]) {
        for (std::size_t i = 0; i < result_[id].operands.size(); ++i) read_again(id, i);
      }
      order_.push_back(id);
    }
    erase_unread();
    result_.compact(order_);
    return std::move(result_);
  }

 private:
  void read_again(NodeId id, std::size_t operand) {
    const Value old = result_[id].operands[operand];
    const Value now = available(old);
    if (now != old) result_.set_operand(id, operand, now);
  }

  /// What a backward reader reads for a value.
  Value available(Value value) {
    if (!forward_.nodes[value.node.index]) return value;
    const Node& node = result_[value.node];
    const bool cloned =
        is_view(node) ? available(node.operands[0]) != node.operands[0] : again_[value.node.index];
    return cloned ? Value{clone(value.node), value.result} : value;
  }

  NodeId clone(NodeId id) {
    if (clones_[id.index]) return *clones_[id.index];
    Node copy = result_[id];
    for (Value& operand : copy.operands) operand = available(operand);
    copy.origin.scope += copy.origin.scope.empty() ? "again" : "/again";
    const NodeId made = result_.add_node(std::move(copy));
    clones_[id.index] = made;
    order_.push_back(made);
    return made;
  }

  /// Originals that only the backward pass read.
  void erase_unread() {
    for (auto id = order_.rbegin(); id != order_.rend(); ++id) {
      const bool original = id->index < forward_.nodes.size();
      if (!original || !forward_.nodes[id->index] || is_given(result_[*id])) continue;
      if (!result_.has_uses(*id)) result_.erase(*id);
    }
    std::erase_if(order_, [&](NodeId id) { return !result_.alive(id); });
  }

  Graph result_;
  const ForwardPass& forward_;
  const NodeSet& again_;
  std::vector<std::optional<NodeId>> clones_;  // by old id
  std::vector<NodeId> order_;
};

}  // namespace

Graph recompute(const Graph& graph, const ForwardPass& forward, const NodeSet& again) {
  ir::internal_check(again.size() == graph.slots(), "recompute: {} flags for {} nodes of graph {}",
                     again.size(), graph.slots(), graph.name());
  return Recomputer(graph, forward, again).run();
}

}  // namespace gptc::passes

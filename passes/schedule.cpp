#include "passes/schedule.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <vector>

#include "ir/check.h"
#include "ir/graph_algo.h"
#include "ir/op_def.h"
#include "ir/program.h"
#include "passes/buffers.h"

namespace gptc::passes {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::Value;
using Order = std::vector<NodeId>;

/// Producer edges plus "reads the old state before it is updated".
struct Precedence {
  enum class Readers { first, anywhere };

  Precedence(const Graph& graph, Readers readers) : after(graph.slots()), waits(graph.slots()) {
    for (const NodeId id : graph.nodes()) {
      for (const Value operand : graph[id].operands) add(operand.node, id);
    }
    if (readers == Readers::anywhere) return;
    for (const ir::Update& update : graph.updates()) readers_first(graph, update);
  }

  std::vector<Order> after;          // by node: who waits for it (with repetition)
  std::vector<std::uint32_t> waits;  // by node: for how many

 private:
  void add(NodeId before, NodeId then) {
    after[before.index].push_back(then);
    ++waits[then.index];
  }

  void readers_first(const Graph& graph, const ir::Update& update) {
    const auto state = graph.find_state(update.state);
    if (!state || update.value == *state) return;
    const NodeId writer = update.value.node;
    Order readers;  // of the state and of its views
    Order open = {state->node};
    while (!open.empty()) {
      const NodeId source = open.back();
      open.pop_back();
      for (const ir::Use& use : graph.uses({source, 0})) {
        if (ir::op_def(graph[use.node]).has(ir::Trait::view)) open.push_back(use.node);
        if (use.node != writer) readers.push_back(use.node);
      }
    }
    const std::vector<bool> later = ir::reachable(graph, {writer}, ir::Direction::to_users);
    const bool possible = std::none_of(readers.begin(), readers.end(),
                                       [&](NodeId reader) { return later[reader.index]; });
    if (!possible) return;
    for (const NodeId reader : readers) add(reader, writer);
  }
};

/// What a node would make and free if it were next: a view's reads are reads of what it shows.
class LiveBytes {
 public:
  explicit LiveBytes(const Graph& graph)
      : graph_(graph), roots_(graph.slots()), reads_left_(graph.slots()) {
    for (const NodeId id : graph.nodes()) {
      const ir::Node& node = graph[id];
      const bool view = ir::op_def(node).has(ir::Trait::view);
      roots_[id.index] = view ? root(node.operands[0]) : Value{id, 0};
      reads_left_[id.index].resize(node.results.size());
      if (!view) {
        for (const Value operand : node.operands) ++reads(operand);
      }
    }
    for (const ir::Output& output : graph.outputs()) ++reads(output.value);
    for (const ir::Update& update : graph.updates()) {
      ++reads(update.value);
      if (may_lie_in(update)) in_states_.insert(update.value);
    }
  }

  std::int64_t made(NodeId id) const {
    if (graph_[id].kind == ir::OpKind::input || is_view(id)) return 0;
    std::int64_t sum = 0;
    for (std::uint32_t r = 0; r < graph_[id].results.size(); ++r) sum += bytes({id, r});
    return sum;
  }

  /// Bytes whose last read this node would be.
  std::int64_t freed(NodeId id) const {
    std::int64_t sum = 0;
    for (const Value value : dying(id)) sum += bytes(value);
    return sum;
  }

  void append(NodeId id) {
    if (is_view(id)) return;
    for (const Value value : graph_[id].operands) --reads(value);
  }

 private:
  bool is_view(NodeId id) const { return ir::op_def(graph_[id]).has(ir::Trait::view); }

  Value root(Value value) const { return is_view(value.node) ? roots_[value.node.index] : value; }
  std::uint32_t& reads(Value value) {
    const Value at = root(value);
    return reads_left_[at.node.index][at.result];
  }
  std::uint32_t reads(Value value) const {
    const Value at = root(value);
    return reads_left_[at.node.index][at.result];
  }

  /// Whether the update can be computed in its state, where the state is an operand, too.
  bool may_lie_in(const ir::Update& update) const {
    const ir::Node& node = graph_[update.value.node];
    const std::optional<Value> state = graph_.find_state(update.state);
    const std::vector<ir::InPlace> rules = ir::in_place_rules(node);
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      const auto allows = [&](const ir::InPlace& rule) {
        return rule.result == update.value.result && rule.operand == i;
      };
      if (state && root(node.operands[i]) == *state && std::ranges::none_of(rules, allows))
        return false;
    }
    return true;
  }

  /// Of a value that is no view; 0 if nobody reads it or it lies in a state.
  std::int64_t bytes(Value value) const {
    const bool in_state =
        graph_[value.node].kind == ir::OpKind::state || in_states_.contains(value);
    if (in_state || reads(value) == 0) return 0;
    return aligned(graph_.type(value).bytes());
  }

  /// What the operands show and nobody reads later, each once.
  std::vector<Value> dying(NodeId id) const {
    std::vector<Value> last;
    if (is_view(id)) return last;
    const std::vector<Value>& operands = graph_[id].operands;
    for (const Value operand : operands) {
      const Value value = root(operand);
      const auto here = std::count_if(operands.begin(), operands.end(),
                                      [&](Value other) { return root(other) == value; });
      const bool known = std::find(last.begin(), last.end(), value) != last.end();
      if (!known && reads(value) == here) last.push_back(value);
    }
    return last;
  }

  const Graph& graph_;
  std::vector<Value> roots_;                            // by node, of views
  std::vector<std::vector<std::uint32_t>> reads_left_;  // by node, by result; of roots
  std::set<Value> in_states_;                           // updates computed where they belong
};

/// Kahn's algorithm; among ready nodes the one of least cost, then of smallest id. Shorter than the
/// graph if nodes wait for each other.
template <class Cost>
Order run(const Graph& graph, Precedence precedence, Cost cost) {
  LiveBytes live(graph);
  std::set<NodeId> ready;
  for (const NodeId id : graph.nodes()) {
    if (precedence.waits[id.index] == 0) ready.insert(id);
  }
  Order order;
  while (!ready.empty()) {
    NodeId best = *ready.begin();
    std::int64_t best_cost = std::numeric_limits<std::int64_t>::max();
    for (const NodeId id : ready) {
      // States lie there already: nothing is gained by waiting.
      const bool free = graph[id].kind == ir::OpKind::state;
      const std::int64_t value = free ? std::numeric_limits<std::int64_t>::min() : cost(live, id);
      if (value < best_cost) {
        best = id;
        best_cost = value;
      }
      if (best_cost == std::numeric_limits<std::int64_t>::min()) break;
    }
    ready.erase(best);
    live.append(best);
    order.push_back(best);
    for (const NodeId next : precedence.after[best.index]) {
      if (--precedence.waits[next.index] == 0) ready.insert(next);
    }
  }
  return order;
}

using CostOfNext = std::int64_t (*)(const LiveBytes& live, NodeId id);

std::int64_t growth(const LiveBytes& live, NodeId id) { return live.made(id) - live.freed(id); }

constexpr std::array<CostOfNext, 3> strategies = {
    // as written
    [](const LiveBytes&, NodeId) { return std::numeric_limits<std::int64_t>::min(); },
    // least growth first
    growth,
    // what shrinks first, the rest as written
    [](const LiveBytes& live, NodeId id) { return std::min<std::int64_t>(0, growth(live, id)); },
};

/// What the planner must find room for if nodes ran in this order.
std::int64_t bound_of(const Graph& graph, const Order& order, const PassContext& context) {
  Graph copy = graph;
  copy.compact(order);
  return live_bound(copy, context);
}

Order best_order(const Graph& graph, const PassContext& context) {
  const Precedence precedence(graph, Precedence::Readers::first);
  Order best;
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (const CostOfNext cost : strategies) {
    Order order = run(graph, precedence, cost);
    if (order.size() < graph.slots()) {  // two updates wait for each other: the plan copies one
      return run(graph, Precedence(graph, Precedence::Readers::anywhere), strategies.front());
    }
    const std::int64_t bound = bound_of(graph, order, context);
    if (bound >= least) continue;
    least = bound;
    best = std::move(order);
  }
  return best;
}

}  // namespace

bool schedule(Graph& graph, const PassContext& context) {
  graph.compact();
  const Order best = best_order(graph, context);
  ir::internal_check(best.size() == graph.slots(), "schedule: graph {} has a cycle", graph.name());
  const bool changed = !std::is_sorted(best.begin(), best.end());
  if (changed) graph.compact(best);
  return changed;
}

}  // namespace gptc::passes

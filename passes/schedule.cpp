#include "passes/schedule.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <queue>
#include <set>
#include <vector>

#include "ir/check.h"
#include "ir/graph_algo.h"
#include "ir/op_def.h"
#include "ir/program.h"

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

/// Bytes live over time, counted as nodes are appended, as plan_memory will lay them out: aligned,
/// a view's reads are reads of what it shows, inputs lie there from the start, and a result takes
/// over an operand's bytes where its row allows.
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
    for (const ir::Update& update : graph.updates()) ++reads(update.value);
    for (const NodeId input : graph.inputs()) live_ += bytes({input, 0});
    peak_ = live_;
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
    live_ += made(id);
    peak_ = std::max(peak_, live_ - taken_over(id));
    live_ -= freed(id);
    if (is_view(id)) return;
    for (const Value value : graph_[id].operands) --reads(value);
  }

  std::int64_t peak() const { return peak_; }

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

  /// Of a value that is no view; 0 if nobody reads it.
  std::int64_t bytes(Value value) const {
    if (graph_[value.node].kind == ir::OpKind::state || reads(value) == 0) return 0;
    const std::int64_t size = graph_.type(value).bytes();
    return (size + ir::buffer_alignment - 1) / ir::buffer_alignment * ir::buffer_alignment;
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

  std::int64_t taken_over(NodeId id) const {
    const ir::Node& node = graph_[id];
    std::vector<Value> free = dying(id);
    std::int64_t sum = 0;
    for (const ir::InPlace& rule : ir::op_def(node).in_place) {
      if (rule.operand >= node.operands.size()) continue;
      const Value operand = node.operands[rule.operand];
      const bool same = graph_.type(operand) == node.results[rule.result];
      if (same && bytes({id, rule.result}) > 0 && std::erase(free, root(operand)) > 0) {
        sum += bytes({id, rule.result});
      }
    }
    return sum;
  }

  const Graph& graph_;
  std::vector<Value> roots_;                            // by node, of views
  std::vector<std::vector<std::uint32_t>> reads_left_;  // by node, by result; of roots
  std::int64_t live_ = 0;
  std::int64_t peak_ = 0;
};

struct Candidate {
  Order order;
  std::int64_t peak = 0;
};

/// Kahn's algorithm; among ready nodes the one of least cost, then of smallest id.
template <class Cost>
Candidate run(const Graph& graph, Precedence precedence, Cost cost) {
  LiveBytes live(graph);
  std::set<NodeId> ready;
  for (const NodeId id : graph.nodes()) {
    if (precedence.waits[id.index] == 0) ready.insert(id);
  }
  Candidate result;
  while (!ready.empty()) {
    NodeId best = *ready.begin();
    std::int64_t best_cost = std::numeric_limits<std::int64_t>::max();
    for (const NodeId id : ready) {
      const std::int64_t value = cost(live, id);
      if (value < best_cost) {
        best = id;
        best_cost = value;
      }
      if (best_cost == std::numeric_limits<std::int64_t>::min()) break;
    }
    ready.erase(best);
    live.append(best);
    result.order.push_back(best);
    for (const NodeId next : precedence.after[best.index]) {
      if (--precedence.waits[next.index] == 0) ready.insert(next);
    }
  }
  result.peak = live.peak();
  return result;
}

}  // namespace

bool schedule(Graph& graph, const PassContext&) {
  graph.compact();
  const Precedence precedence(graph, Precedence::Readers::first);
  const auto as_written = [](const LiveBytes&, NodeId) {
    return std::numeric_limits<std::int64_t>::min();
  };
  const auto least_growth = [](const LiveBytes& live, NodeId id) {
    return live.made(id) - live.freed(id);
  };
  Candidate best = run(graph, precedence, as_written);
  Candidate greedy = run(graph, precedence, least_growth);
  if (greedy.peak < best.peak) best = std::move(greedy);
  if (best.order.size() <
      graph.slots()) {  // two updates wait for each other: the plan copies one of them
    best = run(graph, Precedence(graph, Precedence::Readers::anywhere), as_written);
  }
  ir::internal_check(best.order.size() == graph.slots(), "schedule: graph {} has a cycle",
                     graph.name());
  const bool changed = !std::is_sorted(best.order.begin(), best.order.end());
  if (changed) graph.compact(best.order);
  return changed;
}

}  // namespace gptc::passes

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

/// Bytes live over time, counted as nodes are appended.
class LiveBytes {
 public:
  explicit LiveBytes(const Graph& graph) : graph_(graph), uses_left_(graph.slots()) {
    for (const NodeId id : graph.nodes()) {
      for (std::uint32_t r = 0; r < graph[id].results.size(); ++r) {
        uses_left_[id.index].push_back(static_cast<std::uint32_t>(graph.use_count({id, r})));
      }
    }
  }

  std::int64_t made(NodeId id) const {
    std::int64_t bytes = 0;
    if (!counts(id)) return 0;
    for (std::size_t r = 0; r < graph_[id].results.size(); ++r) {
      if (uses_left_[id.index][r] > 0) bytes += graph_[id].results[r].bytes();
    }
    return bytes;
  }

  /// Bytes whose last use this node would be.
  std::int64_t freed(NodeId id) const {
    std::int64_t bytes = 0;
    const std::vector<Value>& operands = graph_[id].operands;
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const Value value = operands[i];
      if (!counts(value.node)) continue;
      if (std::find(operands.begin(), operands.begin() + static_cast<std::ptrdiff_t>(i), value) !=
          operands.begin() + static_cast<std::ptrdiff_t>(i)) {
        continue;
      }
      const auto here = std::count(operands.begin(), operands.end(), value);
      if (uses_left_[value.node.index][value.result] == here) bytes += graph_.type(value).bytes();
    }
    return bytes;
  }

  void append(NodeId id) {
    live_ += made(id);
    peak_ = std::max(peak_, live_);
    live_ -= freed(id);
    for (const Value value : graph_[id].operands) --uses_left_[value.node.index][value.result];
  }

  std::int64_t peak() const { return peak_; }

 private:
  bool counts(NodeId id) const {
    return graph_[id].kind != ir::OpKind::state && !ir::op_def(graph_[id]).has(ir::Trait::view);
  }

  const Graph& graph_;
  std::vector<std::vector<std::uint32_t>> uses_left_;
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

#include "ir/graph_algo.h"

#include <algorithm>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/reverse_graph.hpp>
#include <boost/graph/topological_sort.hpp>
#include <optional>
#include <queue>

#include "ir/check.h"
#include "ir/graph_impl.h"

namespace gptc::ir {
namespace {

template <class View>
std::vector<bool> search(const View& view, const std::vector<NodeId>& roots, std::size_t slots) {
  std::vector<boost::default_color_type> colours(slots, boost::white_color);
  const auto colour_map =
      boost::make_iterator_property_map(colours.begin(), boost::get(boost::vertex_index, view));
  boost::queue<std::size_t> queue;
  for (const NodeId root : roots) {
    if (colours[root.index] != boost::white_color) continue;
    boost::breadth_first_visit(view, std::size_t{root.index}, queue, boost::default_bfs_visitor(),
                               colour_map);
  }
  std::vector<bool> reached(slots);
  for (std::size_t i = 0; i < slots; ++i) reached[i] = colours[i] != boost::white_color;
  return reached;
}

}  // namespace

std::vector<NodeId> topological_order(const Graph& graph) {
  const Structure& structure = graph.impl().structure;
  std::vector<std::size_t> waiting(graph.slots());
  std::priority_queue<NodeId, std::vector<NodeId>, std::greater<>> ready;
  const std::vector<NodeId> nodes = graph.nodes();
  for (const NodeId id : nodes) {
    waiting[id.index] = boost::in_degree(id.index, structure);
    if (waiting[id.index] == 0) ready.push(id);
  }
  std::vector<NodeId> order;
  order.reserve(nodes.size());
  while (!ready.empty()) {
    const NodeId id = ready.top();
    ready.pop();
    order.push_back(id);
    const auto [first, last] = boost::out_edges(id.index, structure);
    for (auto edge = first; edge != last; ++edge) {
      const NodeId user{static_cast<std::uint32_t>(boost::target(*edge, structure))};
      if (--waiting[user.index] == 0) ready.push(user);
    }
  }
  internal_check(order.size() == nodes.size(), "graph {} has a cycle", graph.name());
  return order;
}

std::vector<bool> reachable(const Graph& graph, const std::vector<NodeId>& roots,
                            Direction direction) {
  const Structure& structure = graph.impl().structure;
  return direction == Direction::to_users
             ? search(structure, roots, graph.slots())
             : search(boost::make_reverse_graph(structure), roots, graph.slots());
}

namespace {

bool is_interface(const Graph& graph, NodeId id) {
  return graph[id].kind == OpKind::input || graph[id].kind == OpKind::state;
}

std::vector<NodeId> computing_nodes(const Graph& graph) {
  std::vector<NodeId> nodes = topological_order(graph);
  std::erase_if(nodes, [&](NodeId id) { return is_interface(graph, id); });
  return nodes;
}

/// Which node of b stands for a node of a; inputs are matched by position, states by name.
class Matching {
 public:
  Matching(const Graph& a, const Graph& b) : a_(a), b_(b), partner_(a.slots()) {}
  void pair(NodeId x, NodeId y) { partner_[x.index] = y; }
  bool same(Value x, Value y) const {
    if (x.result != y.result) return false;
    const Node& node = a_[x.node];
    if (node.kind != OpKind::state) return partner_[x.node.index] == y.node;
    const Node& other = b_[y.node];
    return other.kind == OpKind::state && node.attrs == other.attrs &&
           node.results == other.results;
  }

 private:
  const Graph& a_;
  const Graph& b_;
  std::vector<std::optional<NodeId>> partner_;
};

bool same_node(const Node& x, const Node& y, const Matching& match) {
  return x.kind == y.kind && x.results == y.results && x.attrs == y.attrs && x.origin == y.origin &&
         std::equal(x.operands.begin(), x.operands.end(), y.operands.begin(), y.operands.end(),
                    [&](Value v, Value w) { return match.same(v, w); }) &&
         (x.body == nullptr) == (y.body == nullptr) && (!x.body || equal(*x.body, *y.body));
}

}  // namespace

bool equal(const Graph& a, const Graph& b) {
  const std::vector<NodeId> left = computing_nodes(a);
  const std::vector<NodeId> right = computing_nodes(b);
  if (a.name() != b.name() || left.size() != right.size() ||
      a.inputs().size() != b.inputs().size()) {
    return false;
  }
  Matching match(a, b);
  for (std::size_t i = 0; i < a.inputs().size(); ++i) {
    const Node& x = a[a.inputs()[i]];
    const Node& y = b[b.inputs()[i]];
    if (x.attrs != y.attrs || x.results != y.results) return false;
    match.pair(a.inputs()[i], b.inputs()[i]);
  }
  for (std::size_t i = 0; i < left.size(); ++i) match.pair(left[i], right[i]);
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (!same_node(a[left[i]], b[right[i]], match)) return false;
  }
  return std::equal(a.outputs().begin(), a.outputs().end(), b.outputs().begin(), b.outputs().end(),
                    [&](const Output& x, const Output& y) {
                      return x.name == y.name && match.same(x.value, y.value);
                    }) &&
         std::equal(a.updates().begin(), a.updates().end(), b.updates().begin(), b.updates().end(),
                    [&](const Update& x, const Update& y) {
                      return x.state == y.state && match.same(x.value, y.value);
                    });
}

}  // namespace gptc::ir

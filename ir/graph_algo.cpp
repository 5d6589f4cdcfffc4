#include "ir/graph_algo.h"

#include <algorithm>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/reverse_graph.hpp>
#include <boost/graph/topological_sort.hpp>
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

bool equal(const Graph& a, const Graph& b) {
  const std::vector<NodeId> left = topological_order(a);
  const std::vector<NodeId> right = topological_order(b);
  if (a.name() != b.name() || left.size() != right.size()) return false;
  std::vector<NodeId> partner(a.slots());
  for (std::size_t i = 0; i < left.size(); ++i) partner[left[i].index] = right[i];
  const auto same = [&](Value x, Value y) {
    return partner[x.node.index] == y.node && x.result == y.result;
  };
  for (std::size_t i = 0; i < left.size(); ++i) {
    const Node& x = a[left[i]];
    const Node& y = b[right[i]];
    if (x.kind != y.kind || x.results != y.results || x.attrs != y.attrs || x.origin != y.origin ||
        !std::equal(x.operands.begin(), x.operands.end(), y.operands.begin(), y.operands.end(),
                    same) ||
        (x.body == nullptr) != (y.body == nullptr) || (x.body && !equal(*x.body, *y.body))) {
      return false;
    }
  }
  const auto same_output = [&](const Output& x, const Output& y) {
    return x.name == y.name && same(x.value, y.value);
  };
  const auto same_update = [&](const Update& x, const Update& y) {
    return x.state == y.state && same(x.value, y.value);
  };
  const auto same_input = [&](NodeId x, NodeId y) { return partner[x.index] == y; };
  return std::equal(a.inputs().begin(), a.inputs().end(), b.inputs().begin(), b.inputs().end(),
                    same_input) &&
         std::equal(a.outputs().begin(), a.outputs().end(), b.outputs().begin(), b.outputs().end(),
                    same_output) &&
         std::equal(a.updates().begin(), a.updates().end(), b.updates().begin(), b.updates().end(),
                    same_update);
}

}  // namespace gptc::ir

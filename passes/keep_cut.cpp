#include "passes/keep_cut.h"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/push_relabel_max_flow.hpp>
#include <cmath>
#include <map>

#include "ir/op_def.h"

namespace gptc::passes {
namespace {

using ir::NodeId;
using ir::Value;

using Capacity = std::int64_t;
constexpr Capacity uncuttable = Capacity{1} << 60;

using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
using Network = boost::adjacency_list<
    boost::vecS, boost::vecS, boost::directedS, boost::no_property,
    boost::property<
        boost::edge_capacity_t, Capacity,
        boost::property<boost::edge_residual_capacity_t, Capacity,
                        boost::property<boost::edge_reverse_t, Traits::edge_descriptor>>>>;
using Vertex = Traits::vertex_descriptor;

class Cut {
 public:
  explicit Cut(const KeepProblem& problem)
      : problem_(problem), graph_(*problem.graph), forward_(*problem.forward) {
    for (const NodeId id : graph_.nodes()) {
      if (is_inner(id)) add_node(id);
    }
    for (const Value value : forward_.wanted) connect(source_, available_.at(value), uncuttable);
  }

  NodeSet solve() {
    boost::push_relabel_max_flow(network_, source_, sink_);
    const std::vector<bool> on_source_side = reached();
    NodeSet again(graph_.slots());
    for (const auto& [id, vertex] : again_) again[id.index] = on_source_side[vertex];
    return again;
  }

 private:
  bool is_inner(NodeId id) const {
    const ir::Node& node = graph_[id];
    return forward_.nodes[id.index] && node.kind != ir::OpKind::input &&
           node.kind != ir::OpKind::state && !ir::op_def(node).has(ir::Trait::view);
  }

  void connect(Vertex from, Vertex to, Capacity capacity) {
    const auto forth = boost::add_edge(from, to, network_).first;
    const auto back = boost::add_edge(to, from, network_).first;
    boost::put(boost::edge_capacity, network_, forth, capacity);
    boost::put(boost::edge_capacity, network_, back, 0);
    boost::put(boost::edge_reverse, network_, forth, back);
    boost::put(boost::edge_reverse, network_, back, forth);
  }

  /// Operands come before their users in the order of ids.
  void add_node(NodeId id) {
    const Vertex again = boost::add_vertex(network_);
    again_.emplace(id, again);
    const double price = problem_.seconds[id.index] * problem_.bytes_per_second;
    const auto most = static_cast<double>(uncuttable);
    const Capacity cost = problem_.allowed[id.index] && price < most
                              ? static_cast<Capacity>(std::ceil(price)) + 1
                              : uncuttable;
    connect(again, sink_, cost);
    for (std::uint32_t r = 0; r < graph_[id].results.size(); ++r) {
      const Vertex available = boost::add_vertex(network_);
      available_.emplace(Value{id, r}, available);
      connect(available, again, graph_.type({id, r}).bytes());
    }
    for (const Value operand : graph_[id].operands) {
      const auto found = available_.find(forward_.root(operand));
      if (found != available_.end()) connect(again, found->second, uncuttable);
    }
  }

  std::vector<bool> reached() const {
    std::vector<bool> seen(boost::num_vertices(network_));
    std::vector<Vertex> open = {source_};
    seen[source_] = true;
    while (!open.empty()) {
      const Vertex here = open.back();
      open.pop_back();
      const auto [first, last] = boost::out_edges(here, network_);
      for (auto edge = first; edge != last; ++edge) {
        const Vertex next = boost::target(*edge, network_);
        if (seen[next] || boost::get(boost::edge_residual_capacity, network_, *edge) == 0) continue;
        seen[next] = true;
        open.push_back(next);
      }
    }
    return seen;
  }

  const KeepProblem& problem_;
  const ir::Graph& graph_;
  const ForwardPass& forward_;
  Network network_{2};
  Vertex source_ = 0;
  Vertex sink_ = 1;
  std::map<NodeId, Vertex> again_;
  std::map<Value, Vertex> available_;
};

}  // namespace

NodeSet cheapest_again(const KeepProblem& problem) { return Cut(problem).solve(); }

}  // namespace gptc::passes

#include "ir/graph.h"

#include <algorithm>
#include <utility>

#include "ir/check.h"
#include "ir/graph_algo.h"
#include "ir/graph_impl.h"

namespace gptc::ir {
namespace {

void add_edge(Structure& structure, Value from, NodeId to, std::size_t operand) {
  boost::add_edge(from.node.index, to.index,
                  EdgeInfo{static_cast<std::uint32_t>(operand), from.result}, structure);
}

bool exists(const Graph& graph, Value value) {
  return graph.alive(value.node) && value.result < graph.node(value).results.size();
}

void remove_edge(Structure& structure, NodeId to, std::size_t operand) {
  const auto [first, last] = boost::in_edges(to.index, structure);
  const auto edge =
      std::find_if(first, last, [&](const auto& e) { return structure[e].operand == operand; });
  internal_check(edge != last, "node {} has no edge for operand {}", to.index, operand);
  boost::remove_edge(*edge, structure);
}

}  // namespace

Graph::Graph(std::string name) : impl_(std::make_unique<Impl>()) { impl_->name = std::move(name); }
Graph::Graph(const Graph& other) : impl_(std::make_unique<Impl>(*other.impl_)) {}
Graph::Graph(Graph&& other) noexcept = default;
Graph& Graph::operator=(const Graph& other) {
  if (this != &other) impl_ = std::make_unique<Impl>(*other.impl_);
  return *this;
}
Graph& Graph::operator=(Graph&& other) noexcept = default;
Graph::~Graph() = default;

const std::string& Graph::name() const { return impl_->name; }
void Graph::set_name(std::string name) { impl_->name = std::move(name); }

NodeId Graph::add_node(Node node) {
  for (std::size_t i = 0; i < node.operands.size(); ++i) {
    internal_check(exists(*this, node.operands[i]), "operand {} of a new node does not exist", i);
  }
  const NodeId id{static_cast<std::uint32_t>(boost::add_vertex(impl_->structure))};
  for (std::size_t i = 0; i < node.operands.size(); ++i) {
    add_edge(impl_->structure, node.operands[i], id, i);
  }
  impl_->nodes.push_back(std::move(node));
  impl_->alive.push_back(1);
  return id;
}

Value Graph::add_input(std::string name, Type type) {
  user_check(!find_input(name), "graph {}: an input's name must be new, but got '{}' twice",
             impl_->name, name);
  Node node{.kind = OpKind::input, .results = {std::move(type)}};
  node.attrs.set("name", std::move(name));
  const NodeId id = add_node(std::move(node));
  impl_->inputs.push_back(id);
  return {id, 0};
}

Value Graph::state(const std::string& name, const Type& type) {
  if (const auto found = find_state(name)) return *found;
  Node node{.kind = OpKind::state, .results = {type}};
  node.attrs.set("name", name);
  const NodeId id = add_node(std::move(node));
  impl_->states.emplace(name, id);
  return {id, 0};
}

std::size_t Graph::slots() const { return impl_->nodes.size(); }
bool Graph::alive(NodeId id) const {
  return id.index < impl_->alive.size() && impl_->alive[id.index] != 0;
}
const Node& Graph::node(NodeId id) const {
  internal_check(alive(id), "graph {} has no node {}", impl_->name, id.index);
  return impl_->nodes[id.index];
}
const Type& Graph::type(Value value) const {
  const Node& producer = node(value.node);
  internal_check(value.result < producer.results.size(), "node {} has no result {}",
                 value.node.index, value.result);
  return producer.results[value.result];
}

std::vector<NodeId> Graph::nodes() const {
  std::vector<NodeId> ids;
  ids.reserve(slots());
  for (std::uint32_t i = 0; i < slots(); ++i) {
    if (alive({i})) ids.push_back({i});
  }
  return ids;
}

void Graph::set_operand(NodeId id, std::size_t operand, Value value) {
  internal_check(alive(id) && operand < node(id).operands.size(),
                 "set_operand: node {} has no operand {}", id.index, operand);
  internal_check(exists(*this, value), "set_operand: node {} has no result {}", value.node.index,
                 value.result);
  remove_edge(impl_->structure, id, operand);
  impl_->nodes[id.index].operands[operand] = value;
  add_edge(impl_->structure, value, id, operand);
}

void Graph::replace_uses(Value from, Value to) {
  if (from == to) return;
  for (const Use& use : uses(from)) set_operand(use.node, use.operand, to);
  for (Output& output : impl_->outputs) {
    if (output.value == from) output.value = to;
  }
  for (Update& update : impl_->updates) {
    if (update.value == from) update.value = to;
  }
}

void Graph::set_attr(NodeId id, std::string_view name, AttrValue value) {
  internal_check(alive(id), "set_attr: no node {}", id.index);
  impl_->nodes[id.index].attrs.set(name, std::move(value));
}
void Graph::set_origin(NodeId id, Origin origin) {
  internal_check(alive(id), "set_origin: no node {}", id.index);
  impl_->nodes[id.index].origin = std::move(origin);
}
void Graph::set_result_type(NodeId id, std::size_t result, Type type) {
  internal_check(alive(id) && result < node(id).results.size(), "set_result_type: no node {}",
                 id.index);
  impl_->nodes[id.index].results[result] = std::move(type);
}
void Graph::set_body(NodeId id, std::shared_ptr<const Graph> body) {
  internal_check(alive(id), "set_body: no node {}", id.index);
  impl_->nodes[id.index].body = std::move(body);
}

void Graph::erase(NodeId id) {
  internal_check(!has_uses(id), "erase: node {} of graph {} is still used", id.index, impl_->name);
  boost::clear_vertex(id.index, impl_->structure);
  if (node(id).kind == OpKind::state) impl_->states.erase(node(id).attrs.string("name"));
  std::erase(impl_->inputs, id);
  impl_->alive[id.index] = 0;
  impl_->nodes[id.index] = Node{};
}

void Graph::compact() { compact(topological_order(*this)); }

void Graph::compact(std::span<const NodeId> order) {
  std::vector<NodeId> renumbered(slots());
  std::vector<char> taken(slots());
  for (std::uint32_t i = 0; i < order.size(); ++i) {
    internal_check(alive(order[i]) && taken[order[i].index] == 0,
                   "compact: node {} of the order is not live or comes twice", order[i].index);
    taken[order[i].index] = 1;
    renumbered[order[i].index] = NodeId{i};
  }
  internal_check(order.size() == nodes().size(), "compact: the order must hold every live node");
  const auto moved = [&](Value value) { return Value{renumbered[value.node.index], value.result}; };

  Impl packed{.name = std::move(impl_->name), .structure = Structure(order.size())};
  for (const NodeId old : order) {
    Node& node = packed.nodes.emplace_back(std::move(impl_->nodes[old.index]));
    for (Value& operand : node.operands) operand = moved(operand);
    if (node.kind == OpKind::state) {
      packed.states.emplace(node.attrs.string("name"), renumbered[old.index]);
    }
  }
  packed.alive.assign(order.size(), 1);
  for (std::uint32_t i = 0; i < packed.nodes.size(); ++i) {
    const std::vector<Value>& operands = packed.nodes[i].operands;
    for (std::size_t k = 0; k < operands.size(); ++k)
      add_edge(packed.structure, operands[k], {i}, k);
  }
  for (const NodeId input : impl_->inputs) packed.inputs.push_back(renumbered[input.index]);
  for (Output& output : impl_->outputs) {
    packed.outputs.push_back({std::move(output.name), moved(output.value)});
  }
  for (Update& update : impl_->updates) {
    packed.updates.push_back({std::move(update.state), moved(update.value)});
  }
  *impl_ = std::move(packed);
}

std::vector<Use> Graph::uses(Value value) const {
  internal_check(value.node.index < slots(), "uses: no node {}", value.node.index);
  std::vector<Use> found;
  const auto [first, last] = boost::out_edges(value.node.index, impl_->structure);
  for (auto edge = first; edge != last; ++edge) {
    const EdgeInfo& info = impl_->structure[*edge];
    if (info.result != value.result) continue;
    found.push_back(
        {{static_cast<std::uint32_t>(boost::target(*edge, impl_->structure))}, info.operand});
  }
  std::sort(found.begin(), found.end(), [](const Use& a, const Use& b) {
    return std::pair(a.node, a.operand) < std::pair(b.node, b.operand);
  });
  return found;
}

std::size_t Graph::use_count(Value value) const {
  const auto same = [&](const auto& entry) { return entry.value == value; };
  return uses(value).size() +
         static_cast<std::size_t>(std::count_if(outputs().begin(), outputs().end(), same) +
                                  std::count_if(updates().begin(), updates().end(), same));
}

bool Graph::has_uses(NodeId id) const {
  internal_check(alive(id), "has_uses: no node {}", id.index);
  const auto of_node = [&](const auto& entry) { return entry.value.node == id; };
  return boost::out_degree(id.index, impl_->structure) > 0 ||
         std::any_of(outputs().begin(), outputs().end(), of_node) ||
         std::any_of(updates().begin(), updates().end(), of_node);
}

const std::vector<NodeId>& Graph::inputs() const { return impl_->inputs; }
std::optional<Value> Graph::find_input(std::string_view name) const {
  for (const NodeId id : impl_->inputs) {
    if (node(id).attrs.string("name") == name) return Value{id, 0};
  }
  return std::nullopt;
}
std::optional<Value> Graph::find_state(std::string_view name) const {
  const auto found = impl_->states.find(std::string(name));
  if (found == impl_->states.end()) return std::nullopt;
  return Value{found->second, 0};
}

std::vector<Output>& Graph::outputs() { return impl_->outputs; }
const std::vector<Output>& Graph::outputs() const { return impl_->outputs; }
std::optional<Value> Graph::find_output(std::string_view name) const {
  for (const Output& output : impl_->outputs) {
    if (output.name == name) return output.value;
  }
  return std::nullopt;
}
std::vector<Update>& Graph::updates() { return impl_->updates; }
const std::vector<Update>& Graph::updates() const { return impl_->updates; }

bool Graph::edges_match_operands() const {
  for (const NodeId id : nodes()) {
    const std::vector<Value>& operands = node(id).operands;
    const auto [first, last] = boost::in_edges(id.index, impl_->structure);
    if (static_cast<std::size_t>(std::distance(first, last)) != operands.size()) return false;
    const bool match = std::all_of(first, last, [&](const auto& edge) {
      const EdgeInfo& info = impl_->structure[edge];
      return info.operand < operands.size() &&
             operands[info.operand] ==
                 Value{{static_cast<std::uint32_t>(boost::source(edge, impl_->structure))},
                       info.result};
    });
    if (!match) return false;
  }
  return true;
}

}  // namespace gptc::ir

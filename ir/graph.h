// The graph: nodes with ordered operands; Boost.Graph keeps the structure behind it.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/attrs.h"
#include "ir/type.h"

namespace gptc::ir {

/// One enumerator per line of ops.def.
enum class OpKind : std::uint16_t {
#define OP(name) name,
#include "ir/ops.def"
#undef OP
};

struct NodeId {
  std::uint32_t index = 0;
  friend auto operator<=>(const NodeId&, const NodeId&) = default;
};

/// The result-th result of a node.
struct Value {
  NodeId node;
  std::uint32_t result = 0;
  friend auto operator<=>(const Value&, const Value&) = default;
};

/// Where a node comes from: the DSL's scope ("h.3.attn", gradients end in "/grad") and source line.
struct Origin {
  std::string scope;
  std::string file;
  int line = 0;  // 0: unknown
  friend bool operator==(const Origin&, const Origin&) = default;
};

class Graph;

struct Node {
  OpKind kind = OpKind::constant;
  std::vector<Value> operands;
  std::vector<Type> results;
  Attrs attrs;
  std::shared_ptr<const Graph> body;  // row_fused only: inputs ↔ operands, outputs ↔ results
  Origin origin;
};

/// operand-th operand of node.
struct Use {
  NodeId node;
  std::size_t operand = 0;
};

struct Output {
  std::string name;
  Value value;
};

/// At the end of the graph the state takes the value.
struct Update {
  std::string state;
  Value value;
};

/// Ids are dense and deterministic. erase() leaves a hole that compact() closes.
class Graph {
 public:
  explicit Graph(std::string name = "");
  Graph(const Graph& other);
  Graph(Graph&& other) noexcept;
  Graph& operator=(const Graph& other);
  Graph& operator=(Graph&& other) noexcept;
  ~Graph();

  const std::string& name() const;
  void set_name(std::string name);

  /// Appends a node as it is; use Builder, which checks and infers.
  NodeId add_node(Node node);
  /// A named argument of the graph, in call order.
  Value add_input(std::string name, Type type);
  /// The value a state has when the graph starts; one node per state and graph.
  Value state(const std::string& name, const Type& type);

  /// Number of slots, erased ones included: every id is smaller.
  std::size_t slots() const;
  bool alive(NodeId id) const;
  const Node& node(NodeId id) const;
  const Node& operator[](NodeId id) const { return node(id); }
  const Type& type(Value value) const;
  const Node& node(Value value) const { return node(value.node); }
  /// Live nodes, ascending.
  std::vector<NodeId> nodes() const;

  /// Operand edges change through these alone; both keep Boost.Graph's view the same.
  void set_operand(NodeId id, std::size_t operand, Value value);
  /// Every use of `from`, outputs and updates included, becomes a use of `to`.
  void replace_uses(Value from, Value to);
  void set_attr(NodeId id, std::string_view name, AttrValue value);
  void set_origin(NodeId id, Origin origin);
  void set_result_type(NodeId id, std::size_t result, Type type);
  void set_body(NodeId id, std::shared_ptr<const Graph> body);
  /// The node may have no uses left. Inputs leave the argument list.
  void erase(NodeId id);
  /// Renumbers densely, in the given order of all live nodes or else in topological order. Old ids
  /// die.
  void compact();
  void compact(std::span<const NodeId> order);

  /// Uses by operands (outputs and updates not counted), ascending by node and operand.
  std::vector<Use> uses(Value value) const;
  std::size_t use_count(Value value) const;  // operands + outputs + updates
  bool has_uses(NodeId id) const;            // of any result, outputs and updates counted

  const std::vector<NodeId>& inputs() const;
  std::optional<Value> find_input(std::string_view name) const;
  std::optional<Value> find_state(std::string_view name) const;
  std::vector<Output>& outputs();
  const std::vector<Output>& outputs() const;
  std::optional<Value> find_output(std::string_view name) const;
  std::vector<Update>& updates();
  const std::vector<Update>& updates() const;

  /// Boost.Graph's view of the same edges, for verify: operands as (producer, consumer, operand).
  bool edges_match_operands() const;

  struct Impl;  // visible to ir/graph*.cpp alone
  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace gptc::ir

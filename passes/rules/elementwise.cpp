// Rules on elementwise ops, driven by the traits of their rows.
#include <algorithm>
#include <array>
#include <optional>

#include "ir/builder.h"
#include "ir/op_def.h"
#include "passes/rewrite.h"
#include "passes/rules/rules.h"

namespace gptc::passes::rules {
namespace {

/// x op value = x, the constant on the right.
struct Neutral {
  ir::OpKind kind;
  double value;
};
constexpr std::array neutral_elements = {Neutral{ir::OpKind::add, 0}, Neutral{ir::OpKind::sub, 0},
                                         Neutral{ir::OpKind::mul, 1}, Neutral{ir::OpKind::div, 1}};

/// commutative(constant, x) -> commutative(x, constant)
bool constant_to_the_right(ir::Graph& graph, ir::NodeId id) {
  if (!ir::op_def(graph[id]).has(ir::Trait::commutative)) return false;
  const ir::Value a = graph[id].operands[0];
  const ir::Value b = graph[id].operands[1];
  if (!constant_value(graph, a) || constant_value(graph, b)) return false;
  graph.set_operand(id, 0, b);
  graph.set_operand(id, 1, a);
  return true;
}

/// x + 0, x - 0, x · 1, x / 1 -> x
bool neutral_element(ir::Graph& graph, ir::NodeId id) {
  const auto row = std::find_if(neutral_elements.begin(), neutral_elements.end(),
                                [&](const Neutral& n) { return n.kind == graph[id].kind; });
  if (row == neutral_elements.end()) return false;
  const ir::Value x = graph[id].operands[0];
  if (constant_value(graph, graph[id].operands[1]) != row->value) return false;
  if (graph.type(x) != graph[id].results[0]) return false;
  replace(graph, {id, 0}, x);
  return true;
}

/// What an operand is before it was broadcast: a broadcast's operand, a constant's single element.
std::optional<ir::Value> narrow(ir::Graph& graph, ir::Value operand) {
  const ir::Node& node = graph.node(operand);
  if (node.kind == ir::OpKind::broadcast) return node.operands[0];
  if (node.kind != ir::OpKind::constant || node.results[0].shape.rank() == 0) return std::nullopt;
  ir::Builder builder(graph);
  builder.set_origin(node.origin);
  return builder.scalar(node.attrs.real("value"), node.results[0].dtype);
}

/// The shape the op's operands broadcast to with another shape for one of them.
std::optional<ir::Shape> broadcast_with(const ir::Graph& graph, ir::NodeId id, std::size_t operand,
                                        const ir::Shape& other) {
  std::optional<ir::Shape> shape = ir::Shape{};
  const std::vector<ir::Value>& operands = graph[id].operands;
  for (std::size_t i = 0; i < operands.size() && shape; ++i) {
    shape = ir::broadcast_shapes(*shape, i == operand ? other : graph.type(operands[i]).shape);
  }
  return shape;
}

/// op(broadcast(x), y) -> op(x, y) where the op broadcasts x to the same shape itself.
bool broadcast_operand(ir::Graph& graph, ir::NodeId id) {
  if (!ir::op_def(graph[id]).has(ir::Trait::broadcasts)) return false;
  for (std::size_t i = 0; i < graph[id].operands.size(); ++i) {
    const ir::Value wide = graph[id].operands[i];
    const std::optional<ir::Value> thin = narrow(graph, wide);
    if (!thin) continue;
    if (broadcast_with(graph, id, i, graph.type(*thin).shape) == graph[id].results[0].shape) {
      graph.set_operand(id, i, *thin);
      erase_dead(graph, wide.node);
      return true;
    }
    erase_dead(graph, thin->node);
  }
  return false;
}

/// Dropout that drops nothing -> its operand.
bool dropout_of_nothing(ir::Graph& graph, ir::NodeId id) {
  if (graph[id].kind != ir::OpKind::dropout || graph[id].attrs.real("p") != 0) return false;
  replace(graph, {id, 0}, graph[id].operands[0]);
  return true;
}

/// A cast to the type the value has -> the value.
bool cast_to_itself(ir::Graph& graph, ir::NodeId id) {
  if (graph[id].kind != ir::OpKind::cast) return false;
  const ir::Value x = graph[id].operands[0];
  if (graph.type(x) != graph[id].results[0]) return false;
  replace(graph, {id, 0}, x);
  return true;
}

std::optional<ir::Value> negated(const ir::Graph& graph, ir::Value value) {
  const ir::Node& node = graph.node(value);
  return node.kind == ir::OpKind::neg ? std::optional(node.operands[0]) : std::nullopt;
}

/// neg(neg(x)) -> x
bool double_negation(ir::Graph& graph, ir::NodeId id) {
  if (graph[id].kind != ir::OpKind::neg) return false;
  const std::optional<ir::Value> x = negated(graph, graph[id].operands[0]);
  if (!x) return false;
  replace(graph, {id, 0}, *x);
  return true;
}

/// x + neg(y) -> x - y and x - neg(y) -> x + y
bool sum_with_negation(ir::Graph& graph, ir::NodeId id) {
  const ir::OpKind kind = graph[id].kind;
  if (kind != ir::OpKind::add && kind != ir::OpKind::sub) return false;
  const std::optional<ir::Value> y = negated(graph, graph[id].operands[1]);
  if (!y) return false;
  ir::Builder builder(graph);
  builder.set_origin(graph[id].origin);
  const ir::OpKind opposite = kind == ir::OpKind::add ? ir::OpKind::sub : ir::OpKind::add;
  replace(graph, {id, 0}, builder.op(opposite, {graph[id].operands[0], *y}));
  return true;
}

}  // namespace

std::vector<Rule> elementwise() {
  return {constant_to_the_right, neutral_element, broadcast_operand, dropout_of_nothing,
          cast_to_itself,        double_negation, sum_with_negation};
}

}  // namespace gptc::passes::rules

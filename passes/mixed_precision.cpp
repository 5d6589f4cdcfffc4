#include "passes/mixed_precision.h"

#include <algorithm>
#include <vector>

#include "ir/builder.h"
#include "ir/check.h"
#include "ir/graph_algo.h"
#include "ir/op_def.h"
#include "passes/fusion.h"
#include "passes/rewrite.h"

namespace gptc::passes {
namespace {

using ir::DType;
using ir::NodeId;
using ir::OpKind;
using ir::Value;

Value cast(ir::Builder& builder, Value x, DType dtype) {
  if (builder.type(x).dtype == dtype) return x;
  return builder.op(OpKind::cast, {x}, {{"dtype", dtype}});
}

/// Every reader of `value` gets it rounded to bf16; as f32, so that their types stay.
void round(ir::Builder& builder, Value value) {
  ir::Graph& graph = builder.graph();
  const std::vector<ir::Use> uses = graph.uses(value);
  if (uses.empty()) return;
  const Value wide = cast(builder, cast(builder, value, DType::bf16), DType::f32);
  for (const ir::Use& use : uses) graph.set_operand(use.node, use.operand, wide);
}

/// The sum with a bias, if that is all that becomes of the product: one rounding will do for both.
Value with_bias(const ir::Graph& graph, Value product) {
  const std::optional<NodeId> user = only_user(graph, product);
  if (!user || graph[*user].kind != OpKind::add) return product;
  const std::vector<Value>& operands = graph[*user].operands;
  const Value other = operands[0] == product ? operands[1] : operands[0];
  const ir::Shape& shape = graph.type(product).shape;
  const bool is_bias = graph.type(other).shape == ir::Shape{shape.back()};
  return is_bias ? Value{*user, 0} : product;
}

bool applies(const ir::Graph& graph, NodeId id) {
  const ir::Node& node = graph[id];
  const std::vector<std::size_t>& operands = ir::op_def(node).precision.operands;
  return !operands.empty() && std::ranges::all_of(operands, [&](std::size_t i) {
    return graph.type(node.operands[i]).dtype == DType::f32;
  });
}

void narrow(ir::Graph& graph, NodeId id) {
  const ir::Node node = graph[id];
  const ir::OpDef& def = ir::op_def(node);
  ir::Builder builder(graph);
  builder.set_origin(node.origin);
  std::vector<Value> operands = node.operands;
  for (const std::size_t i : def.precision.operands)
    operands[i] = cast(builder, operands[i], DType::bf16);
  ir::Attrs attrs = node.attrs;
  const bool can_be_wide =
      std::ranges::find(def.attributes, "wide", &ir::AttrSpec::name) != def.attributes.end();
  if (can_be_wide) attrs.set("wide", true);
  const NodeId made = builder.node(node.kind, std::move(operands), std::move(attrs));
  for (std::uint32_t i = 0; i < node.results.size(); ++i) {
    const Value result{made, i};
    graph.replace_uses({id, i}, cast(builder, result, DType::f32));
    if (can_be_wide) round(builder, with_bias(graph, result));
  }
  erase_dead(graph, id);
}

}  // namespace

bool mixed_precision(ir::Graph& graph, const Derivation& derivation) {
  if (derivation.request.dtype != DType::bf16) return false;
  bool changed = false;
  for (const NodeId id : ir::topological_order(graph)) {
    if (!graph.alive(id) || !applies(graph, id)) continue;
    narrow(graph, id);
    changed = true;
  }
  if (changed) graph.compact();
  return changed;
}

bool narrow_saved(ir::Graph& graph, const Derivation& derivation) {
  if (derivation.request.dtype != DType::bf16) return false;
  bool changed = false;
  for (const NodeId id : ir::topological_order(graph)) {
    for (const std::uint32_t result : ir::op_def(graph[id]).precision.results) {
      const Value value{id, result};
      if (graph.type(value).dtype != DType::f32 || graph.uses(value).empty()) continue;
      ir::Builder builder(graph);
      builder.set_origin(graph[id].origin);
      round(builder, value);
      changed = true;
    }
  }
  if (changed) graph.compact();
  return changed;
}

bool round_gradients(ir::Graph& graph, const Derivation& derivation) {
  if (derivation.request.grad_dtype != DType::bf16) return false;
  ir::Builder builder(graph);
  for (const ir::State* state : trainable_states(derivation.module)) {
    const auto output =
        std::ranges::find(graph.outputs(), gradient_name(state->name), &ir::Output::name);
    ir::internal_check(output != graph.outputs().end(), "round_gradients: '{}' has no gradient",
                       state->name);
    builder.set_origin(graph.node(output->value).origin);
    output->value = cast(builder, output->value, DType::bf16);
  }
  return true;
}

}  // namespace gptc::passes

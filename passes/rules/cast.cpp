// Rules on casts between floats: widening moves behind ops that only move elements, narrowing
// before them, so that fewer bytes move and a pair meets and goes.
#include <algorithm>
#include <array>

#include "ir/builder.h"
#include "passes/rewrite.h"
#include "passes/rules/rules.h"

namespace gptc::passes::rules {
namespace {

using ir::DType;
using ir::OpKind;
using ir::Value;

constexpr std::array movers = {OpKind::reshape, OpKind::transpose, OpKind::slice,
                               OpKind::shift,   OpKind::select,    OpKind::broadcast};

bool moves(OpKind kind) { return std::find(movers.begin(), movers.end(), kind) != movers.end(); }

bool is_cast(const ir::Graph& graph, Value value, DType from, DType to) {
  const ir::Node& node = graph.node(value);
  return node.kind == OpKind::cast && node.results[0].dtype == to &&
         graph.type(node.operands[0]).dtype == from;
}

/// cast to bf16 of cast to f32 of a bf16 is that bf16.
bool round_trip(ir::Graph& graph, ir::NodeId id) {
  const Value x = {id, 0};
  if (graph[id].kind != OpKind::cast || !is_cast(graph, x, DType::f32, DType::bf16)) return false;
  const Value wide = graph[id].operands[0];
  if (!is_cast(graph, wide, DType::bf16, DType::f32)) return false;
  replace(graph, x, graph.node(wide).operands[0]);
  return true;
}

/// move(widen(x)) becomes widen(move(x)).
bool widen_late(ir::Graph& graph, ir::NodeId id) {
  const ir::Node node = graph[id];
  if (!moves(node.kind) || !is_cast(graph, node.operands[0], DType::bf16, DType::f32)) return false;
  ir::Builder builder(graph);
  builder.set_origin(node.origin);
  std::vector<Value> operands = node.operands;
  operands[0] = graph.node(node.operands[0]).operands[0];
  const Value moved = builder.op(node.kind, std::move(operands), node.attrs);
  replace(graph, {id, 0}, builder.op(OpKind::cast, {moved}, {{"dtype", DType::f32}}));
  return true;
}

/// narrow(move(x)) becomes move(narrow(x)) if nothing else reads the moved x. Not a select: that
/// one sinks through casts (select.cpp), so that only what is selected is rounded.
bool narrow_early(ir::Graph& graph, ir::NodeId id) {
  const Value x = {id, 0};
  if (graph[id].kind != OpKind::cast || !is_cast(graph, x, DType::f32, DType::bf16)) return false;
  const Value moved = graph[id].operands[0];
  const ir::Node mover = graph.node(moved);
  if (!moves(mover.kind) || mover.kind == OpKind::select || graph.use_count(moved) != 1)
    return false;
  ir::Builder builder(graph);
  builder.set_origin(mover.origin);
  std::vector<Value> operands = mover.operands;
  operands[0] = builder.op(OpKind::cast, {operands[0]}, {{"dtype", DType::bf16}});
  replace(graph, x, builder.op(mover.kind, std::move(operands), mover.attrs));
  return true;
}

/// embedding(widen(table), ids) becomes widen(embedding(table, ids)): of the table only what is
/// looked up is widened.
bool widen_found(ir::Graph& graph, ir::NodeId id) {
  const ir::Node node = graph[id];
  if (node.kind != OpKind::embedding) return false;
  if (!is_cast(graph, node.operands[0], DType::bf16, DType::f32)) return false;
  ir::Builder builder(graph);
  builder.set_origin(node.origin);
  const Value table = graph.node(node.operands[0]).operands[0];
  const Value found = builder.op(OpKind::embedding, {table, node.operands[1]});
  replace(graph, {id, 0}, builder.op(OpKind::cast, {found}, {{"dtype", DType::f32}}));
  return true;
}

/// concat(widen(x), widen(y)) becomes widen(concat(x, y)).
bool widen_joined(ir::Graph& graph, ir::NodeId id) {
  const ir::Node node = graph[id];
  if (node.kind != OpKind::concat) return false;
  std::vector<Value> operands;
  for (const Value operand : node.operands) {
    if (!is_cast(graph, operand, DType::bf16, DType::f32)) return false;
    operands.push_back(graph.node(operand).operands[0]);
  }
  ir::Builder builder(graph);
  builder.set_origin(node.origin);
  const Value joined = builder.op(OpKind::concat, std::move(operands), node.attrs);
  replace(graph, {id, 0}, builder.op(OpKind::cast, {joined}, {{"dtype", DType::f32}}));
  return true;
}

}  // namespace

std::vector<Rule> cast() {
  return {round_trip, widen_late, widen_found, widen_joined, narrow_early};
}

}  // namespace gptc::passes::rules

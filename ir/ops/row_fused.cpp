// A region of row-local ops run as one.
#include <algorithm>
#include <map>

#include "ir/graph_algo.h"
#include "ir/ops/rules.h"

namespace gptc::ir {
namespace {

using rules::require;

void require_inputs(const InferContext& context, const Graph& body) {
  const std::vector<NodeId>& inputs = body.inputs();
  require(context, inputs.size() == context.operands.size(),
          "the body must have one input per operand", inputs.size(), context.operands.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Type& type = body[inputs[i]].results[0];
    require(context, type == context.operand(i),
            fmt::format("input {} of the body must have the operand's type", i), type,
            context.operand(i));
  }
}

bool is_input(const Graph& body, NodeId id) {
  return std::find(body.inputs().begin(), body.inputs().end(), id) != body.inputs().end();
}

bool is_constant(const Graph& body, NodeId id) {
  const OpDef& def = op_def(body[id]);
  return def.has(Trait::source) && !def.has(Trait::random) && def.infer != nullptr;
}

std::vector<Type> infer_row_fused(const InferContext& context) {
  if (context.body == nullptr) context.fail("there must be a body", "none");
  const Graph& body = *context.body;
  require_inputs(context, body);
  for (const NodeId id : body.nodes()) {
    require(context, is_input(body, id) || is_constant(body, id) || is_row_local(body, id),
            "ops of the body must be row_local or constants", op_def(body[id]).name);
  }
  require(context, body.updates().empty(), "the body may not update states", body.updates().size());
  require(context, !body.outputs().empty(), "the body must have outputs", "none");
  std::vector<Type> results;
  for (const Output& output : body.outputs()) results.push_back(body.type(output.value));
  return results;
}

std::vector<Value> decompose_row_fused(Builder& b, const Node& node,
                                       std::span<const Value> operands) {
  const std::shared_ptr<const Graph> body = node.body;
  std::map<Value, Value> outside;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    outside[{body->inputs()[i], 0}] = operands[i];
  }
  for (const NodeId id : topological_order(*body)) {
    if (outside.contains({id, 0})) continue;
    const Node& inner = (*body)[id];
    std::vector<Value> mapped;
    for (const Value& operand : inner.operands) mapped.push_back(outside.at(operand));
    const NodeId made = b.clone(inner, std::move(mapped));
    for (std::uint32_t i = 0; i < inner.results.size(); ++i) outside[{id, i}] = {made, i};
  }
  std::vector<Value> results;
  for (const Output& output : body->outputs()) results.push_back(outside.at(output.value));
  return results;
}

double flops_row_fused(const Graph&, const Node& node) {
  double total = 0;
  for (const NodeId id : node.body->nodes()) total += flops(*node.body, id);
  return total;
}

}  // namespace

const OpDef& op_row_fused() {
  static const OpDef def = {
      .kind = OpKind::row_fused,
      .name = "row_fused",
      .doc =
          "operands -> results of `body`, a graph of row_local ops and constants whose inputs "
          "are the operands and whose outputs are the results; run row by row.",
      .operands = {{"operand", Arity::variadic}},
      .traits = Trait::row_local,
      .infer = infer_row_fused,
      .decompose = decompose_row_fused,
      .flops = flops_row_fused,
  };
  return def;
}

}  // namespace gptc::ir

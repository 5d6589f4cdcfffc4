#include "tests/support/op_graph.h"

#include "ir/builder.h"
#include "ir/verify.h"

namespace gptc::testing {

namespace {

std::vector<ir::Value> add_operands(ir::Graph& graph, const OpCase& op_case) {
  std::vector<ir::Value> operands;
  for (std::size_t i = 0; i < op_case.operands.size(); ++i)
    operands.push_back(graph.add_input("a" + std::to_string(i), op_case.operands[i].type));
  return operands;
}

// In the scope of a gradient, where ops may share a random key.
const ir::Origin origin{.scope = "case/grad", .file = "op_case.cpp", .line = 1};

ir::NodeId add_op(ir::Graph& graph, const OpCase& op_case) {
  ir::Builder builder(graph);
  builder.set_origin(origin);
  const std::vector<ir::Value> operands = add_operands(graph, op_case);
  return builder.node(op_case.op, operands, op_case.attrs, op_case.body);
}

}  // namespace

void check_graph(const ir::Graph& graph) {
  ir::Module module("case");
  module.add_graph(graph);
  ir::verify(module);
  ir::verify_text(module);
}

ir::Graph graph_of(const OpCase& op_case) {
  ir::Graph graph("op");
  const ir::NodeId node = add_op(graph, op_case);
  for (std::uint32_t i = 0; i < graph[node].results.size(); ++i)
    graph.outputs().push_back({"r" + std::to_string(i), {node, i}});
  check_graph(graph);
  return graph;
}

ir::Graph decomposed_graph(const OpCase& op_case, ir::DecomposeFn decompose) {
  const ir::Graph direct = graph_of(op_case);
  const ir::Node& node = direct.node(direct.outputs().at(0).value);
  ir::Graph graph("decomposed");
  const std::vector<ir::Value> operands = add_operands(graph, op_case);
  ir::Builder builder(graph);
  builder.set_origin(origin);
  const std::vector<ir::Value> results = decompose(builder, node, operands);
  for (std::size_t i = 0; i < results.size(); ++i)
    graph.outputs().push_back({"r" + std::to_string(i), results[i]});
  check_graph(graph);
  return graph;
}

ir::Graph gradient_graph(const OpCase& op_case, ir::VjpFn vjp) {
  ir::Graph graph("gradient");
  const ir::NodeId node = add_op(graph, op_case);
  std::vector<std::optional<ir::Value>> grads(graph[node].results.size());
  for (const std::uint32_t result : op_case.gradient_of)
    grads.at(result) = graph.add_input("dr" + std::to_string(result), graph.type({node, result}));
  ir::Builder builder(graph);
  builder.set_origin(origin);
  const auto gradients = vjp({builder, graph, node, grads});
  ir::internal_check(gradients.size() == op_case.operands.size(),
                     "{}: vjp gives {} gradients for {} operands", op_case.name, gradients.size(),
                     op_case.operands.size());
  const bool broadcasts = ir::op_def(op_case.op).has(ir::Trait::broadcasts);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i]) continue;
    const ir::Shape& shape = op_case.operands[i].type.shape;
    const ir::Value gradient =
        broadcasts ? builder.sum_to_shape(*gradients[i], shape) : *gradients[i];
    graph.outputs().push_back({"da" + std::to_string(i), gradient});
  }
  check_graph(graph);
  return graph;
}

}  // namespace gptc::testing

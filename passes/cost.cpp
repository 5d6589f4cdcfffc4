#include "passes/cost.h"

#include <algorithm>

#include "ir/op_def.h"

namespace gptc::passes {
namespace {

bool multiplies_bf16(const ir::Graph& graph, const ir::Node& node) {
  const auto is_bf16 = [&](ir::Value value) { return graph.type(value).dtype == ir::DType::bf16; };
  return node.operands.size() >= 2 && is_bf16(node.operands[0]) && is_bf16(node.operands[1]);
}

}  // namespace

double least_seconds(const ir::Graph& graph, ir::NodeId id, const Ceilings& ceilings) {
  const ir::Node& node = graph[id];
  if (node.kind == ir::OpKind::input || node.kind == ir::OpKind::state) return 0;
  const bool bf16 = multiplies_bf16(graph, node) && ceilings.bf16_gflops > 0;
  const double gflops = bf16 ? ceilings.bf16_gflops : ceilings.gflops;
  return std::max(ir::flops(graph, id) / (gflops * 1e9),
                  ir::bytes(graph, id) / (ceilings.gigabytes_per_second * 1e9));
}

double least_seconds(const ir::Graph& graph, const Ceilings& ceilings) {
  double sum = 0;
  for (const ir::NodeId id : graph.nodes()) sum += least_seconds(graph, id, ceilings);
  return sum;
}

}  // namespace gptc::passes

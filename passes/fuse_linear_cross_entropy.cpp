#include "passes/fuse_linear_cross_entropy.h"

#include "ir/builder.h"
#include "passes/fusion.h"
#include "passes/rewrite.h"

namespace gptc::passes {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::OpKind;
using ir::Value;

bool fuse_at(Graph& graph, NodeId loss, const PassContext& context) {
  Attempt attempt(context, "fuse_linear_cross_entropy", graph, loss);
  const Value logits = graph[loss].operands[0];
  const Node& product = graph.node(logits);
  if (!attempt.require(product.kind == OpKind::matmul, "the logits must come from a matmul",
                       op_name(graph, logits.node))) {
    return false;
  }
  const bool by_rows = product.attrs.flag("transpose_b") && !product.attrs.flag("transpose_a") &&
                       product.attrs.strings("epilogue").empty() &&
                       graph.type(product.operands[1]).shape.rank() == 2;
  if (!attempt.require(by_rows, "the head must be x · wᵀ with w [V,C]",
                       product.results[0].text()) ||
      !attempt.require(graph.use_count(logits) == 1, "the logits must have one use",
                       std::to_string(graph.use_count(logits)))) {
    return false;
  }
  ir::Builder builder(graph);
  builder.set_origin(graph[loss].origin);
  const Value fused =
      builder.op(OpKind::linear_cross_entropy,
                 {product.operands[0], product.operands[1], graph[loss].operands[1]});
  attempt.applied("with the head's matmul");
  replace(graph, {loss, 0}, fused);
  return true;
}

}  // namespace

bool fuse_linear_cross_entropy(Graph& graph, const PassContext& context) {
  bool changed = false;
  for (const NodeId id : graph.nodes()) {
    if (graph.alive(id) && graph[id].kind == OpKind::cross_entropy)
      changed |= fuse_at(graph, id, context);
  }
  if (changed) graph.compact();
  return changed;
}

}  // namespace gptc::passes

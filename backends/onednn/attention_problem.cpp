#include "backends/onednn/attention.h"
#include "backends/runtime/philox.h"

namespace gptc::onednn {

AttentionProblem attention_problem(const ir::Graph& graph, const ir::Node& node,
                                   const KernelArgs* args, std::size_t counter_operand) {
  const auto size_of = [](const ir::Dim& dim) { return static_cast<std::size_t>(dim.size()); };
  const ir::Shape& q = graph.type(node.operands[0]).shape;
  const ir::Shape& k = graph.type(node.operands[1]).shape;
  AttentionProblem at;
  at.batches = size_of(q[0]);
  at.heads = static_cast<std::size_t>(node.attrs.integer("heads"));
  at.queries = size_of(q[1]);
  at.keys = size_of(k[1]);
  at.channels = size_of(q[2]);
  at.size = at.channels / at.heads;
  at.causal = node.attrs.flag("causal");
  at.scale = static_cast<float>(node.attrs.real("scale"));
  const double p = node.attrs.real("p");
  at.dropout = {.active = p > 0,
                .threshold = runtime::keep_threshold(p),
                .kept_scale = static_cast<float>(1 / (1 - p)),
                .key = node.attrs.key("rng_key"),
                .counter = nullptr};
  if (args != nullptr) {
    at.q = reinterpret_cast<const float*>(args->operands[0]);
    at.k = reinterpret_cast<const float*>(args->operands[1]);
    at.v = reinterpret_cast<const float*>(args->operands[2]);
    if (at.dropout.active)
      at.dropout.counter = reinterpret_cast<const std::int64_t*>(args->operands[counter_operand]);
  }
  return at;
}

bool supports_attention(const ir::Graph& graph, const ir::Node& node) {
  return graph.type(node.operands[0]).dtype == ir::DType::f32;
}

}  // namespace gptc::onednn

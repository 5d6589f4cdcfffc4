#include <algorithm>

#include "backends/onednn/attention.h"
#include "backends/onednn/bf16_dot.h"
#include "backends/runtime/philox.h"

namespace gptc::onednn {

namespace {

std::size_t size_of(const ir::Dim& dim) { return static_cast<std::size_t>(dim.size()); }

/// What attention and cached_attention have in common: all but the sizes of keys and heads.
AttentionProblem sizes_of(const ir::Graph& graph, const ir::Node& node, const KernelArgs* args) {
  const ir::Shape& q = graph.type(node.operands[0]).shape;
  AttentionProblem at;
  at.batches = size_of(q[0]);
  at.queries = size_of(q[1]);
  at.channels = size_of(node.results[0].shape[2]);
  at.q_stride = size_of(q[2]);
  at.is_bf16 = graph.type(node.operands[0]).dtype == ir::DType::bf16;
  at.keys_bf16 = graph.type(node.operands[1]).dtype == ir::DType::bf16;
  at.scale = static_cast<float>(node.attrs.real("scale"));
  if (args != nullptr) {
    at.q = args->operands[0];
    at.k = args->operands[1];
    at.v = args->operands[2];
  }
  return at;
}

void set_keys(AttentionProblem& at, std::size_t keys, std::size_t heads) {
  at.keys = at.key_rows = keys;
  at.past = static_cast<std::ptrdiff_t>(keys) - static_cast<std::ptrdiff_t>(at.queries);
  at.heads = heads;
  at.size = at.channels / heads;
}

}  // namespace

AttentionProblem cached_attention_problem(const ir::Graph& graph, const ir::Node& node,
                                          const KernelArgs* args) {
  AttentionProblem at = sizes_of(graph, node, args);
  const ir::Shape& k = graph.type(node.operands[1]).shape;
  set_keys(at, size_of(k[2]), size_of(k[1]));
  at.by_head = true;
  at.causal = true;
  const auto start =
      static_cast<std::size_t>(std::max<std::int64_t>(node.attrs.integer("start"), 0));
  if (args != nullptr) at.q = at.rows(at.q, start).data;
  return at;
}

AttentionProblem attention_problem(const ir::Graph& graph, const ir::Node& node,
                                   const KernelArgs* args, std::size_t counter_operand) {
  AttentionProblem at = sizes_of(graph, node, args);
  set_keys(at, size_of(graph.type(node.operands[1]).shape[1]),
           static_cast<std::size_t>(node.attrs.integer("heads")));
  at.causal = node.attrs.flag("causal");
  const double p = node.attrs.real("p");
  at.dropout = {.active = p > 0,
                .threshold = runtime::keep_threshold(p),
                .kept_scale = static_cast<float>(1 / (1 - p)),
                .key = node.attrs.key("rng_key"),
                .counter = nullptr};
  if (args != nullptr && at.dropout.active)
    at.dropout.counter = reinterpret_cast<const std::int64_t*>(args->operands[counter_operand]);
  return at;
}

bool multiplies_pairs(const AttentionProblem& at) { return at.is_bf16 && has_bf16_dot(); }

bool supports_attention(const ir::Graph& graph, const ir::Node& node) {
  const ir::DType dtype = graph.type(node.operands[0]).dtype;
  return dtype == ir::DType::f32 || dtype == ir::DType::bf16;
}

}  // namespace gptc::onednn

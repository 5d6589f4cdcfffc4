#include "tests/fuzz/planted.h"

#include <algorithm>
#include <memory>

#include "ir/builder.h"
#include "ir/op_def.h"
#include "passes/liveness.h"

namespace gptc::testing {
namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::OpKind;
using ir::Value;
using passes::PassContext;

/// Breaks the first node that can be broken, in the graph or in a body.
template <class Break>
bool break_first(Graph& graph, const Break& break_node) {
  for (const NodeId id : graph.nodes()) {
    if (break_node(graph, id)) return true;
    if (!graph[id].body) continue;
    Graph body = *graph[id].body;
    if (!break_first(body, break_node)) continue;
    graph.set_body(id, std::make_shared<const Graph>(std::move(body)));
    return true;
  }
  return false;
}

bool swap_sub(Graph& graph, const PassContext&) {
  return break_first(graph, [](Graph& g, NodeId id) {
    const std::vector<Value> operands = g[id].operands;
    if (g[id].kind != OpKind::sub || operands[0] == operands[1]) return false;
    g.set_operand(id, 0, operands[1]);
    g.set_operand(id, 1, operands[0]);
    return true;
  });
}

bool has_epilogue(const Node& node, const std::string& entry) {
  if (node.kind != OpKind::matmul) return false;
  const ir::Strings& entries = node.attrs.strings("epilogue");
  return std::find(entries.begin(), entries.end(), entry) != entries.end();
}

/// The first entry, if it is a bias, is lost together with its operand.
bool drop_bias(Graph& graph, const PassContext&) {
  return break_first(graph, [](Graph& g, NodeId id) {
    if (!has_epilogue(g[id], "bias")) return false;
    Node node = g[id];
    ir::Strings entries = node.attrs.strings("epilogue");
    if (entries[0] != "bias") return false;
    entries.erase(entries.begin());
    node.attrs.set("epilogue", entries);
    node.operands.erase(node.operands.begin() + 2);
    ir::Builder builder(g);
    const NodeId made = builder.clone(node, node.operands);
    g.replace_uses({id, 0}, {made, 0});
    return true;
  });
}

bool relu_for_gelu(Graph& graph, const PassContext&) {
  return break_first(graph, [](Graph& g, NodeId id) {
    if (!has_epilogue(g[id], "gelu")) return false;
    ir::Strings entries = g[id].attrs.strings("epilogue");
    *std::find(entries.begin(), entries.end(), "gelu") = "relu";
    g.set_attr(id, "epilogue", entries);
    return true;
  });
}

/// A bias, gain or other vector that is broadcast over rows comes one column late.
bool broadcast_one_off(Graph& graph, const PassContext&) {
  for (const NodeId id : graph.nodes()) {
    const Node node = graph[id];
    const bool rows = node.kind == OpKind::matmul || node.kind == OpKind::row_fused;
    for (std::size_t i = 0; rows && i < node.operands.size(); ++i) {
      const ir::Shape shape = graph.type(node.operands[i]).shape;
      if (shape.rank() != 1 || shape[0] == ir::Dim(1)) continue;
      ir::Builder builder(graph);
      const ir::Attrs by_one = {{"axis", std::int64_t{0}}, {"by", std::int64_t{1}}};
      graph.set_operand(id, i, builder.op(OpKind::shift, {node.operands[i]}, by_one));
      return true;
    }
  }
  return false;
}

bool flip_causal(Graph& graph, const PassContext&) {
  return break_first(graph, [](Graph& g, NodeId id) {
    if (g[id].kind != OpKind::attention) return false;
    g.set_attr(id, "causal", !g[id].attrs.flag("causal"));
    return true;
  });
}

bool wrong_scale(Graph& graph, const PassContext&) {
  return break_first(graph, [](Graph& g, NodeId id) {
    if (g[id].kind != OpKind::attention_grad) return false;
    g.set_attr(id, "scale", 1.1 * g[id].attrs.real("scale"));
    return true;
  });
}

bool other_mask_backward(Graph& graph, const PassContext&) {
  return break_first(graph, [](Graph& g, NodeId id) {
    if (g[id].kind != OpKind::dropout || !g[id].origin.scope.ends_with("/grad")) return false;
    g.set_attr(id, "rng_key", g[id].attrs.key("rng_key") + 1000);
    return true;
  });
}

/// Of two contributions to a gradient only one arrives.
bool lose_contribution(Graph& graph, const PassContext&) {
  return break_first(graph, [](Graph& g, NodeId id) {
    if (g[id].kind != OpKind::add || !g[id].origin.scope.ends_with("/grad")) return false;
    if (g.type(g[id].operands[0]) != g[id].results[0] || !g.has_uses(id)) return false;
    g.replace_uses({id, 0}, g[id].operands[0]);
    return true;
  });
}

bool lose_update(Graph& graph, const PassContext&) {
  if (graph.updates().empty()) return false;
  graph.updates().pop_back();
  return true;
}

bool slice_one_off(Graph& graph, const PassContext&) {
  return break_first(graph, [](Graph& g, NodeId id) {
    if (g[id].kind != OpKind::slice || g[id].attrs.integer("start") == 0) return false;
    g.set_attr(id, "start", g[id].attrs.integer("start") - 1);
    return true;
  });
}

bool transpose_square(Graph& graph, const PassContext&) {
  return break_first(graph, [](Graph& g, NodeId id) {
    if (g[id].kind != OpKind::matmul) return false;
    const ir::Shape& b = g.type(g[id].operands[1]).shape;
    if (b.back() != b[b.rank() - 2] || b.back() == ir::Dim(1)) return false;
    g.set_attr(id, "transpose_b", !g[id].attrs.flag("transpose_b"));
    return true;
  });
}

bool in_arena(const ir::Placement& place) {
  return place.space == ir::Placement::Space::arena && place.bytes > 0;
}

/// Two values that live at the same time get the same bytes.
bool alias_buffers(ir::Program& program) {
  const auto lives = passes::liveness(program.graph);
  for (const NodeId id : program.graph.nodes()) {
    ir::Placement& later = program.results[id.index][0];
    if (!in_arena(later) || program.graph[id].kind == OpKind::input) continue;
    for (const NodeId other : program.graph.nodes()) {
      const ir::Placement& earlier = program.results[other.index][0];
      const bool clash = other < id && lives[other.index][0].end > id.index && in_arena(earlier);
      if (!clash || earlier.offset == later.offset ||
          earlier.offset + later.bytes > program.arena_bytes)
        continue;
      later.offset = earlier.offset;
      return true;
    }
  }
  return false;
}

/// A buffer ends 64 bytes too late, over what lies behind it.
bool shift_buffer(ir::Program& program) {
  ir::Placement* longest = nullptr;
  for (auto& results : program.results) {
    for (ir::Placement& place : results) {
      const bool fits = place.offset + place.bytes + 64 <= program.arena_bytes;
      if (in_arena(place) && fits && (longest == nullptr || place.bytes > longest->bytes))
        longest = &place;
    }
  }
  if (longest == nullptr) return false;
  longest->offset += 64;
  return true;
}

}  // namespace

const std::vector<Plant>& plants() {
  static const std::vector<Plant> table = {
      {.name = "swaps the operands of sub", .graph = swap_sub},
      {.name = "drops a bias", .graph = drop_bias},
      {.name = "takes relu for gelu in an epilogue", .graph = relu_for_gelu},
      {.name = "broadcasts a vector one column late", .graph = broadcast_one_off},
      {.name = "flips the causal mask", .graph = flip_causal},
      {.name = "scales attention's gradient wrongly", .graph = wrong_scale},
      {.name = "drops other elements backward", .graph = other_mask_backward},
      {.name = "loses a contribution to a gradient", .graph = lose_contribution},
      {.name = "loses an update", .graph = lose_update},
      {.name = "slices one element early", .graph = slice_one_off},
      {.name = "takes a square weight transposed", .graph = transpose_square},
      {.name = "gives two live values the same bytes", .plan = alias_buffers},
      {.name = "moves a buffer over its neighbour", .plan = shift_buffer},
  };
  return table;
}

}  // namespace gptc::testing

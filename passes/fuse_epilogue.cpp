#include "passes/fuse_epilogue.h"

#include <algorithm>
#include <optional>
#include <string>

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

struct Entry {
  std::string name;
  std::optional<Value> operand;
};

bool is_cast(const Graph& graph, NodeId id, ir::DType to) {
  return graph[id].kind == OpKind::cast && graph[id].results[0].dtype == to;
}

/// An operand of the epilogue: f32 that was widened from bf16 is read as the bf16 it was.
Value as_stored(const Graph& graph, NodeId matmul, Value operand) {
  const Node& source = graph.node(operand);
  const bool widened =
      source.kind == OpKind::cast &&
      graph.type(source.operands[0]).dtype == graph.type(graph[matmul].operands[0]).dtype;
  return widened ? source.operands[0] : operand;
}

std::optional<Entry> entry(const Graph& graph, Value product, NodeId matmul, NodeId user) {
  const Node& node = graph[user];
  const ir::Type& type = graph.type(product);
  if (node.results.size() != 1 || node.results[0] != type) return std::nullopt;
  if (node.kind == OpKind::gelu) return Entry{"gelu", std::nullopt};
  if (node.kind == OpKind::relu) return Entry{"relu", std::nullopt};
  if (node.kind != OpKind::add && node.kind != OpKind::mul) return std::nullopt;
  const Value other = node.operands[node.operands[0] == product ? 1 : 0];
  if (other == product) return std::nullopt;
  const ir::Type& shape = graph.type(other);
  // Whether the shapes are equal differs between the graphs of a whole text and of a chunk; so with
  // `exact` the rounding between stays.
  const bool drops_rounding = product.node != matmul && graph[matmul].attrs.flag("exact");
  if (shape == type && drops_rounding) return std::nullopt;
  if (shape == type)
    return Entry{node.kind == OpKind::add ? "add" : "mul", as_stored(graph, matmul, other)};
  const bool vector = shape.dtype == type.dtype && shape.shape == ir::Shape{type.shape.back()};
  if (vector && node.kind == OpKind::add) return Entry{"bias", other};
  const bool whole_numbers = graph.type(graph[matmul].operands[1]).dtype == ir::DType::i8;
  if (vector && whole_numbers) return Entry{"scale", other};
  return std::nullopt;
}

/// A product that is rounded to bf16 only to be widened again: its sum, unrounded, is as good for
/// what follows in the epilogue, and the end is rounded once.
Value seen_through_rounding(const Graph& graph, NodeId matmul) {
  const Value product{matmul, 0};
  if (!graph[matmul].attrs.flag("wide")) return product;
  const auto rounded = only_user(graph, product);
  if (!rounded || !is_cast(graph, *rounded, ir::DType::bf16)) return product;
  const auto widened = only_user(graph, {*rounded, 0});
  if (!widened || !is_cast(graph, *widened, ir::DType::f32)) return product;
  return {*widened, 0};
}

/// The matmul with other attributes and one operand more, in place of `last`.
NodeId remake(Graph& graph, NodeId matmul, NodeId last, ir::Attrs attrs,
              std::optional<Value> operand) {
  const Node& old = graph[matmul];
  std::vector<Value> operands = old.operands;
  if (operand) operands.push_back(*operand);
  ir::Builder builder(graph);
  builder.set_origin(old.origin);
  const NodeId made = builder.node(OpKind::matmul, std::move(operands), std::move(attrs));
  replace(graph, {last, 0}, {made, 0});
  return made;
}

/// A wide product whose only reader rounds it does that itself; the end of an epilogue.
bool round_result(Graph& graph, NodeId matmul, const PassContext& context) {
  if (!graph[matmul].attrs.flag("wide")) return false;
  const auto user = only_user(graph, {matmul, 0});
  if (!user || !is_cast(graph, *user, graph.type(graph[matmul].operands[0]).dtype)) return false;
  Attempt attempt(context, "fuse_epilogue", graph, matmul);
  ir::Attrs attrs = graph[matmul].attrs;
  attrs.set("wide", false);
  attempt.applied("rounding");
  remake(graph, matmul, *user, std::move(attrs), std::nullopt);
  return true;
}

/// The matmul that does its reader's work as well, or nothing.
std::optional<NodeId> fuse_next(Graph& graph, NodeId matmul, const PassContext& context) {
  Attempt attempt(context, "fuse_epilogue", graph, matmul);
  const Value product = seen_through_rounding(graph, matmul);
  const std::size_t uses = graph.use_count(product);
  const auto user = only_user(graph, product);
  if (!attempt.require(user.has_value(), "the product must have one reader",
                       std::to_string(uses))) {
    return std::nullopt;
  }
  const auto next = entry(graph, product, matmul, *user);
  if (!attempt.require(next.has_value(),
                       "the reader must be a bias, gelu, relu, or a sum or product of equal shapes",
                       op_name(graph, *user))) {
    return std::nullopt;
  }
  ir::Attrs attrs = graph[matmul].attrs;
  ir::Strings epilogue = attrs.strings("epilogue");
  epilogue.push_back(next->name);
  attrs.set("epilogue", std::move(epilogue));
  attempt.applied(fmt::format("{} from {}", next->name, graph[*user].origin.scope));
  return remake(graph, matmul, *user, std::move(attrs), next->operand);
}

/// Whether the value is a wide product, or what an epilogue makes of one.
bool ends_epilogue(const Graph& graph, Value value) {
  const Node& node = graph.node(value);
  if (node.kind == OpKind::matmul) return node.attrs.flag("wide");
  if (node.kind == OpKind::cast) return false;
  return std::ranges::any_of(
      node.operands, [&](Value operand) { return fits_epilogue(graph, operand, value.node); });
}

}  // namespace

bool fits_epilogue(const Graph& graph, Value operand, NodeId user) {
  if (graph.use_count(operand) != 1) return false;
  if (is_cast(graph, user, ir::DType::bf16)) return ends_epilogue(graph, operand);
  NodeId source = operand.node;
  // Behind a rounding, too.
  if (is_cast(graph, source, ir::DType::f32)) source = graph[source].operands[0].node;
  if (is_cast(graph, source, ir::DType::bf16)) source = graph[source].operands[0].node;
  return graph[source].kind == OpKind::matmul && seen_through_rounding(graph, source) == operand &&
         entry(graph, operand, source, user).has_value();
}

bool fuse_epilogue(Graph& graph, const PassContext& context) {
  bool changed = false;
  for (const NodeId id : graph.nodes()) {
    if (!graph.alive(id) || graph[id].kind != OpKind::matmul) continue;
    std::optional<NodeId> matmul;
    NodeId last = id;
    while ((matmul = fuse_next(graph, last, context))) {
      changed = true;
      last = *matmul;
    }
    changed |= round_result(graph, last, context);
  }
  if (changed) graph.compact();
  return changed;
}

}  // namespace gptc::passes

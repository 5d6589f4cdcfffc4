#include "passes/fuse_epilogue.h"

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

std::optional<Entry> entry(const Graph& graph, NodeId matmul, NodeId user) {
  const Node& node = graph[user];
  const ir::Type& type = graph[matmul].results[0];
  if (node.results.size() != 1 || node.results[0] != type) return std::nullopt;
  if (node.kind == OpKind::gelu) return Entry{"gelu", std::nullopt};
  if (node.kind == OpKind::relu) return Entry{"relu", std::nullopt};
  if (node.kind != OpKind::add && node.kind != OpKind::mul) return std::nullopt;
  const Value other = node.operands[node.operands[0].node == matmul ? 1 : 0];
  if (other.node == matmul) return std::nullopt;
  const ir::Type& shape = graph.type(other);
  if (shape == type) return Entry{node.kind == OpKind::add ? "add" : "mul", other};
  const bool vector = shape.dtype == type.dtype && shape.shape == ir::Shape{type.shape.back()};
  if (vector && node.kind == OpKind::add) return Entry{"bias", other};
  return std::nullopt;
}

/// The matmul that does its reader's work as well, or nothing.
std::optional<NodeId> fuse_next(Graph& graph, NodeId matmul, const PassContext& context) {
  Attempt attempt(context, "fuse_epilogue", graph, matmul);
  const std::size_t uses = graph.use_count({matmul, 0});
  const auto user = only_user(graph, {matmul, 0});
  if (!attempt.require(user.has_value(), "the product must have one reader",
                       std::to_string(uses))) {
    return std::nullopt;
  }
  const auto next = entry(graph, matmul, *user);
  if (!attempt.require(next.has_value(),
                       "the reader must be a bias, gelu, relu, or a sum or product of equal shapes",
                       op_name(graph, *user))) {
    return std::nullopt;
  }
  const Node& old = graph[matmul];
  std::vector<Value> operands = old.operands;
  if (next->operand) operands.push_back(*next->operand);
  ir::Attrs attrs = old.attrs;
  ir::Strings epilogue = attrs.strings("epilogue");
  epilogue.push_back(next->name);
  attrs.set("epilogue", std::move(epilogue));
  ir::Builder builder(graph);
  builder.set_origin(old.origin);
  const NodeId made = builder.node(OpKind::matmul, std::move(operands), std::move(attrs));
  attempt.applied(fmt::format("{} from {}", next->name, graph[*user].origin.scope));
  replace(graph, {*user, 0}, {made, 0});
  return made;
}

}  // namespace

bool fits_epilogue(const Graph& graph, NodeId matmul, NodeId user) {
  return entry(graph, matmul, user).has_value();
}

bool fuse_epilogue(Graph& graph, const PassContext& context) {
  bool changed = false;
  for (const NodeId id : graph.nodes()) {
    if (!graph.alive(id) || graph[id].kind != OpKind::matmul) continue;
    std::optional<NodeId> matmul = id;
    while ((matmul = fuse_next(graph, *matmul, context))) changed = true;
  }
  if (changed) graph.compact();
  return changed;
}

}  // namespace gptc::passes

#include "passes/specialise.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "ir/check.h"
#include "ir/graph_algo.h"
#include "ir/op_def.h"
#include "passes/rewrite.h"

namespace gptc::passes {
namespace {

std::string listed(const DimSizes& sizes) {
  std::string text;
  for (const auto& [name, size] : sizes) {
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", name, size);
  }
  return text.empty() ? "none" : text;
}

/// The shape in numbers.
ir::Shape sized(const ir::Shape& shape, const DimSizes& sizes, std::string_view kept,
                const ir::Origin& origin) {
  ir::Shape result = shape;
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (!shape[axis].is_named() || kept.find(shape[axis].name()) != std::string_view::npos)
      continue;
    const auto size = sizes.find(shape[axis].name());
    ir::user_check(
        size != sizes.end(),
        "specialise: every named dimension needs a size, but got none for '{}' in [{}]{}; "
        "sizes given: {}",
        shape[axis].name(), shape.text(), where(origin), listed(sizes));
    result[axis] = ir::Dim(size->second);
  }
  return result;
}

bool specialise_attrs(ir::Graph& graph, ir::NodeId id, const DimSizes& sizes,
                      std::string_view kept) {
  const ir::Attrs attrs = graph[id].attrs;
  bool changed = false;
  for (const auto& [name, value] : attrs) {
    const auto* shape = std::get_if<ir::Shape>(&value);
    if (shape == nullptr || shape->is_concrete()) continue;
    graph.set_attr(id, name, sized(*shape, sizes, kept, graph[id].origin));
    changed = true;
  }
  return changed;
}

bool specialise_body(ir::Graph& graph, ir::NodeId id, const DimSizes& sizes,
                     std::string_view kept) {
  if (graph[id].body == nullptr) return false;
  ir::Graph body = *graph[id].body;
  if (!specialise(body, sizes, kept)) return false;
  graph.set_body(id, std::make_shared<const ir::Graph>(std::move(body)));
  return true;
}

/// Inputs and states carry their type themselves; all others follow from operands and attributes.
std::vector<ir::Type> new_types(const ir::Graph& graph, ir::NodeId id, const DimSizes& sizes,
                                std::string_view kept) {
  const ir::Node& node = graph[id];
  if (node.kind == ir::OpKind::input || node.kind == ir::OpKind::state) {
    const ir::Type& type = node.results[0];
    return {{type.dtype, sized(type.shape, sizes, kept, node.origin)}};
  }
  std::vector<ir::Type> operands;
  for (const ir::Value operand : node.operands) operands.push_back(graph.type(operand));
  return ir::infer_types(ir::op_def(node), operands, node.attrs, node.body.get(), node.origin);
}

}  // namespace

bool specialise(ir::Graph& graph, const DimSizes& sizes, std::string_view kept) {
  for (const auto& [name, size] : sizes) {
    ir::user_check(size >= 1, "specialise: a dimension must be at least 1, but got {} = {}", name,
                   size);
  }
  bool changed = false;
  for (const ir::NodeId id : ir::topological_order(graph)) {
    changed |= specialise_attrs(graph, id, sizes, kept);
    changed |= specialise_body(graph, id, sizes, kept);
    const std::vector<ir::Type> types = new_types(graph, id, sizes, kept);
    for (std::size_t i = 0; i < types.size(); ++i) {
      if (types[i] == graph[id].results[i]) continue;
      graph.set_result_type(id, i, types[i]);
      changed = true;
    }
  }
  return changed;
}

}  // namespace gptc::passes

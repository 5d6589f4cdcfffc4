// Graphviz through Boost.Graph: a box per node, coloured by what the op does, clustered by scope.
#include <boost/graph/graphviz.hpp>
#include <map>
#include <sstream>

#include "ir/graph_impl.h"
#include "ir/op_def.h"
#include "ir/print.h"

namespace gptc::ir {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

std::string_view colour(const OpDef& def) {
  if (def.has(Trait::source)) return "#e8e8e8";
  if (def.has(Trait::view)) return "#f7f7f7";
  if (def.has(Trait::elementwise)) return "#d7ecd9";
  if (def.has(Trait::row_local)) return "#d6e6f5";
  return "#f9dfc7";
}

std::string label(const Graph& graph, NodeId id, const std::vector<std::string>& names) {
  const Node& node = graph[id];
  const bool named = node.kind == OpKind::input || node.kind == OpKind::state;
  std::string text = named ? names[0] : std::string(op_def(node).name);
  for (std::size_t i = 0; i < node.results.size(); ++i) {
    text += fmt::format("\n{}{}", named ? "" : names[i] + ": ", node.results[i].text());
  }
  return text;
}

}  // namespace

std::string print_dot(const Graph& original) {
  Graph graph = original;
  graph.compact();
  const auto names = value_names(graph);
  const Structure& structure = graph.impl().structure;
  std::ostringstream out;
  const auto write_node = [&](std::ostream& stream, std::size_t vertex) {
    const NodeId id{static_cast<std::uint32_t>(vertex)};
    stream << "[shape=box, style=\"rounded,filled\", fillcolor=\"" << colour(op_def(graph[id]))
           << "\", label=" << quoted(label(graph, id, names[vertex])) << "]";
  };
  const auto write_edge = [&](std::ostream& stream, const Structure::edge_descriptor& edge) {
    const EdgeInfo& info = structure[edge];
    if (graph[{static_cast<std::uint32_t>(boost::target(edge, structure))}].operands.size() > 1) {
      stream << "[headlabel=\"" << info.operand << "\"]";
    }
  };
  const auto write_graph = [&](std::ostream& stream) {
    stream << "label=" << quoted(graph.name()) << ";\nrankdir=TB;\nfontname=\"sans-serif\";\n"
           << "node [fontname=\"sans-serif\", fontsize=10];\nedge [fontsize=8];\n";
    std::map<std::string, std::vector<std::uint32_t>> scopes;
    for (const NodeId id : graph.nodes()) {
      if (!graph[id].origin.scope.empty()) scopes[graph[id].origin.scope].push_back(id.index);
    }
    std::size_t cluster = 0;
    for (const auto& [scope, members] : scopes) {
      stream << "subgraph cluster_" << cluster++ << " { label=" << quoted(scope)
             << "; color=\"#bbbbbb\"; ";
      for (const std::uint32_t member : members) stream << member << "; ";
      stream << "}\n";
    }
  };
  boost::write_graphviz(out, structure, write_node, write_edge, write_graph);
  return out.str();
}

}  // namespace gptc::ir

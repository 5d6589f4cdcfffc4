#include "ir/print.h"

#include <algorithm>
#include <unordered_map>

#include "ir/check.h"
#include "ir/graph_algo.h"
#include "ir/op_def.h"

namespace gptc::ir {
namespace {

std::string origin_text(const Origin& origin, const PrintOptions& options) {
  std::string text;
  if (!origin.scope.empty()) text += " @" + origin.scope;
  if (options.locations && origin.line > 0) {
    text += fmt::format(" loc({}:{})", attr_text(origin.file), origin.line);
  }
  return text;
}

std::string init_text(const Init& init) {
  switch (init.kind) {
    case Init::Kind::constant:
      return fmt::format("constant({})", attr_text(init.a));
    case Init::Kind::normal:
      return fmt::format("normal({}, {})", attr_text(init.a), attr_text(init.b));
    case Init::Kind::uniform:
      return fmt::format("uniform({}, {})", attr_text(init.a), attr_text(init.b));
  }
  internal_error("an unknown kind of init");
}

std::string attrs_text(const Node& node) {
  const OpDef& def = op_def(node);
  std::string list;
  for (const auto& attr : node.attrs) {
    const auto& [name, value] = attr;
    const auto spec = std::find_if(def.attributes.begin(), def.attributes.end(),
                                   [&](const AttrSpec& s) { return s.name == attr.first; });
    if (spec != def.attributes.end() && spec->fallback == value) continue;
    list += fmt::format("{}{} = {}", list.empty() ? "" : ", ", name, attr_text(value));
  }
  return list.empty() ? "" : " {" + list + "}";
}

template <class Range, class Text>
std::string join(const Range& range, Text text) {
  std::string list;
  for (const auto& entry : range) list += (list.empty() ? "" : ", ") + text(entry);
  return list;
}

class Printer {
 public:
  explicit Printer(const PrintOptions& options) : options_(options) {}

  std::string text() && { return std::move(text_); }

  void module(const Module& module) {
    line(0, fmt::format("module @{} {{", module.name()));
    for (const State& state : module.states()) {
      line(1, fmt::format("state %{} : {} {{init = {}{}{}}}{}", state.name, state.type.text(),
                          init_text(state.init), state.train ? ", train" : "",
                          state.decay ? ", decay" : "", origin_text(state.origin, options_)));
    }
    for (const Graph& graph : module.graphs()) {
      this->graph(graph, 1, fmt::format("graph @{}", graph.name()));
    }
    line(0, "}");
  }

  void graph(const Graph& graph, int depth, const std::string& head) {
    const auto names = value_names(graph);
    const auto name = [&](Value value) { return names[value.node.index][value.result]; };
    const std::string arguments = join(graph.inputs(), [&](NodeId id) {
      return fmt::format("{}: {}", name({id, 0}), graph.type({id, 0}).text());
    });
    line(depth, fmt::format("{}({}) {{", head, arguments));
    for (const NodeId id : topological_order(graph)) {
      if (graph[id].kind == OpKind::input || graph[id].kind == OpKind::state) continue;
      node(graph, id, names, depth + 1);
    }
    for (const Update& update : graph.updates()) {
      line(depth + 1, fmt::format("update %{} = {}", update.state, name(update.value)));
    }
    line(depth + 1, "return" + std::string(graph.outputs().empty() ? "" : " ") +
                        join(graph.outputs(), [&](const Output& output) {
                          return fmt::format("{} = {}", output.name, name(output.value));
                        }));
    line(depth, "}");
  }

 private:
  void node(const Graph& graph, NodeId id, const std::vector<std::vector<std::string>>& names,
            int depth) {
    const Node& node = graph[id];
    const auto same = [](const std::string& name) { return name; };
    const std::string operands =
        join(node.operands, [&](Value v) { return names[v.node.index][v.result]; });
    const std::string types = join(node.results, [](const Type& type) { return type.text(); });
    std::string head = fmt::format("{} = {}({}){} : {}", join(names[id.index], same),
                                   op_def(node).name, operands, attrs_text(node), types);
    std::string tail = origin_text(node.origin, options_);
    if (options_.comment) {
      const std::string comment = options_.comment(graph, id);
      if (!comment.empty()) tail += "  # " + comment;
    }
    if (!node.body) {
      line(depth, head + tail);
      return;
    }
    line(depth, head + " {");
    this->graph(*node.body, depth + 1, "body");
    line(depth, "}" + tail);
  }

  void line(int depth, const std::string& content) {
    text_.append(static_cast<std::size_t>(depth) * 2, ' ');
    text_ += content;
    text_ += '\n';
  }

  const PrintOptions& options_;
  std::string text_;
};

}  // namespace

std::vector<std::vector<std::string>> value_names(const Graph& graph) {
  std::vector<std::vector<std::string>> names(graph.slots());
  std::size_t next = 0;
  for (const NodeId id : topological_order(graph)) {
    const Node& node = graph[id];
    if (node.kind == OpKind::input || node.kind == OpKind::state) {
      names[id.index] = {"%" + node.attrs.string("name")};
      continue;
    }
    for (std::size_t i = 0; i < node.results.size(); ++i) {
      names[id.index].push_back(fmt::format("%{}", next++));
    }
  }
  return names;
}

std::string print(const Module& module, const PrintOptions& options) {
  Printer printer(options);
  printer.module(module);
  return std::move(printer).text();
}

std::string print(const Graph& graph, const PrintOptions& options) {
  Printer printer(options);
  printer.graph(graph, 0, fmt::format("graph @{}", graph.name()));
  return std::move(printer).text();
}

}  // namespace gptc::ir

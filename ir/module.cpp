#include "ir/module.h"

#include <algorithm>

#include "ir/check.h"
#include "ir/graph_algo.h"
#include "ir/program.h"

namespace gptc::ir {

void Module::add_state(State state) {
  user_check(find_state(state.name) == nullptr,
             "module {}: a state's name must be new, but got '{}' twice (scope '{}', {}:{})", name_,
             state.name, state.origin.scope, state.origin.file, state.origin.line);
  states_.push_back(std::move(state));
}

const State* Module::find_state(std::string_view name) const {
  const auto found = std::find_if(states_.begin(), states_.end(),
                                  [&](const State& state) { return state.name == name; });
  return found == states_.end() ? nullptr : &*found;
}

Graph& Module::add_graph(Graph graph) {
  if (Graph* old = find_graph(graph.name())) return *old = std::move(graph);
  return graphs_.emplace_back(std::move(graph));
}

const Graph* Module::find_graph(std::string_view name) const {
  const auto found = std::find_if(graphs_.begin(), graphs_.end(),
                                  [&](const Graph& graph) { return graph.name() == name; });
  return found == graphs_.end() ? nullptr : &*found;
}
Graph* Module::find_graph(std::string_view name) {
  return const_cast<Graph*>(std::as_const(*this).find_graph(name));
}

const Graph& Module::graph(std::string_view name) const {
  if (const Graph* found = find_graph(name)) return *found;
  std::string known;
  for (const Graph& graph : graphs_) known += (known.empty() ? "" : ", ") + graph.name();
  user_error("module {}: there is no graph '{}'; it has: {}", name_, name, known);
}
Graph& Module::graph(std::string_view name) {
  return const_cast<Graph&>(std::as_const(*this).graph(name));
}

bool equal(const Module& a, const Module& b) {
  return a.name() == b.name() && a.states() == b.states() &&
         std::equal(a.graphs().begin(), a.graphs().end(), b.graphs().begin(), b.graphs().end(),
                    [](const Graph& x, const Graph& y) { return equal(x, y); });
}

StateLayout layout_states(const Module& module) {
  StateLayout layout;
  for (const State& state : module.states()) {
    layout.offsets.push_back(layout.bytes);
    const std::int64_t rest = state.type.bytes() % buffer_alignment;
    const std::int64_t padding = rest == 0 ? 0 : buffer_alignment - rest;
    user_check(!__builtin_add_overflow(layout.bytes, state.type.bytes(), &layout.bytes) &&
                   !__builtin_add_overflow(layout.bytes, padding, &layout.bytes),
               "module {}: the states' bytes must fit 63 bits, but '{}' overflows", module.name(),
               state.name);
  }
  return layout;
}

}  // namespace gptc::ir

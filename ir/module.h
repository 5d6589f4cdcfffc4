// A module: state declared once, and the graphs over it.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace gptc::ir {

/// How a state starts. Text: zeros, constant(1), normal(0, 0.02), uniform(-0.1, 0.1).
struct Init {
  enum class Kind { constant, normal, uniform };
  Kind kind = Kind::constant;
  double a = 0;  // constant: value; normal: mean; uniform: low
  double b = 0;  // normal: standard deviation; uniform: high
  friend bool operator==(const Init&, const Init&) = default;
};

struct State {
  std::string name;
  Type type;
  Init init;
  bool train = false;  // the training step updates it by its gradient
  bool decay = false;  // AdamW's weight decay applies
  Origin origin;
  friend bool operator==(const State&, const State&) = default;
};

class Module {
 public:
  explicit Module(std::string name = "module") : name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  /// UserError if the name is taken.
  void add_state(State state);
  const std::vector<State>& states() const { return states_; }
  std::vector<State>& states() { return states_; }
  const State* find_state(std::string_view name) const;

  /// Replaces a graph of the same name.
  Graph& add_graph(Graph graph);
  const std::deque<Graph>& graphs() const { return graphs_; }
  std::deque<Graph>& graphs() { return graphs_; }
  const Graph* find_graph(std::string_view name) const;
  Graph* find_graph(std::string_view name);
  /// UserError that lists the graphs there are.
  const Graph& graph(std::string_view name) const;
  Graph& graph(std::string_view name);

 private:
  std::string name_;
  std::vector<State> states_;
  std::deque<Graph> graphs_;
};

bool equal(const Module& a, const Module& b);

}  // namespace gptc::ir

#include "passes/autodiff.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "ir/builder.h"
#include "ir/check.h"
#include "ir/graph_algo.h"
#include "ir/op_def.h"
#include "passes/rewrite.h"

namespace gptc::passes {
namespace {

class Differentiator {
 public:
  Differentiator(ir::Graph& graph, std::vector<const ir::State*> parameters)
      : graph_(graph), builder_(graph), parameters_(std::move(parameters)) {}

  void run() {
    while (expand_path()) {
    }
    const ir::Value loss = *graph_.find_output("loss");
    const std::vector<bool> path = on_path();
    builder_.set_origin(gradient_origin(loss.node));
    grads_[loss] = builder_.constant(1, graph_.type(loss));
    const std::vector<ir::NodeId> order = ir::topological_order(graph_);
    for (auto id = order.rbegin(); id != order.rend(); ++id) {
      if (id->index < path.size() && path[id->index]) visit(*id, path);
    }
    for (const ir::State* parameter : parameters_) add_output(*parameter);
  }

 private:
  std::vector<ir::NodeId> sources() const {
    std::vector<ir::NodeId> nodes;
    for (const ir::State* parameter : parameters_) {
      if (const auto value = graph_.find_state(parameter->name)) nodes.push_back(value->node);
    }
    return nodes;
  }

  std::vector<bool> on_path() const {
    const ir::NodeId loss = graph_.find_output("loss")->node;
    std::vector<bool> path = ir::reachable(graph_, sources(), ir::Direction::to_users);
    const std::vector<bool> needed = ir::reachable(graph_, {loss}, ir::Direction::to_operands);
    for (std::size_t i = 0; i < path.size(); ++i) path[i] = path[i] && needed[i];
    return path;
  }

  /// An op without a gradient of its own has that of its decomposition.
  bool expand_path() {
    const std::vector<bool> path = on_path();
    bool changed = false;
    for (const ir::NodeId id : graph_.nodes()) {
      if (!path[id.index] || !graph_.alive(id)) continue;
      if (ir::op_def(graph_[id]).vjp == nullptr) changed |= expand(graph_, id);
    }
    return changed;
  }

  ir::Origin gradient_origin(ir::NodeId id) const {
    ir::Origin origin = graph_[id].origin;
    origin.scope += "/grad";
    return origin;
  }

  void visit(ir::NodeId id, const std::vector<bool>& path) {
    std::vector<std::optional<ir::Value>> grads;
    for (std::uint32_t i = 0; i < graph_[id].results.size(); ++i) {
      const auto found = grads_.find({id, i});
      grads.push_back(found == grads_.end() ? std::nullopt : std::optional(found->second));
    }
    const std::vector<ir::Value> operands = graph_[id].operands;
    const bool any =
        std::any_of(grads.begin(), grads.end(), [](const auto& g) { return g.has_value(); });
    if (!any || operands.empty()) return;

    const ir::OpDef& def = ir::op_def(graph_[id]);
    if (def.vjp == nullptr) refuse(id);
    builder_.set_origin(gradient_origin(id));
    const auto made = def.vjp({builder_, graph_, id, grads});
    ir::internal_check(made.size() == operands.size(), "{}: vjp gives {} gradients for {} operands",
                       def.name, made.size(), operands.size());
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (made[i] && path[operands[i].node.index]) accumulate(operands[i], *made[i]);
    }
  }

  void accumulate(ir::Value of, ir::Value gradient) {
    gradient = builder_.sum_to_shape(gradient, graph_.type(of).shape);
    // A sum over rows may keep its precision where the value is bf16.
    const ir::Type wide = {ir::DType::f32, graph_.type(of).shape};
    const bool fits = graph_.type(gradient) == graph_.type(of) ||
                      (graph_.type(of).dtype == ir::DType::bf16 && graph_.type(gradient) == wide);
    ir::internal_check(fits, "{}: the gradient of a {} must not be {}",
                       ir::op_def(graph_.node(of)).name, graph_.type(of).text(),
                       graph_.type(gradient).text());
    const auto [sum, first] = grads_.try_emplace(of, gradient);
    if (first) return;
    builder_.set_origin(gradient_origin(of.node));
    sum->second = sum_of(sum->second, gradient);
  }

  ir::Value sum_of(ir::Value a, ir::Value b) {
    if (graph_.type(a).dtype == graph_.type(b).dtype) return builder_.add(a, b);
    const auto widened = [&](ir::Value x) {
      if (graph_.type(x).dtype == ir::DType::f32) return x;
      return builder_.op(ir::OpKind::cast, {x}, {{"dtype", ir::DType::f32}});
    };
    return builder_.add(widened(a), widened(b));
  }

  void add_output(const ir::State& parameter) {
    const std::optional<ir::Value> value = graph_.find_state(parameter.name);
    const auto found = value ? grads_.find(*value) : grads_.end();
    ir::user_check(found != grads_.end(),
                   "autodiff: the loss must depend on every trainable state, but no gradient "
                   "reaches '{}'{}",
                   parameter.name, where(parameter.origin));
    graph_.outputs().push_back({gradient_name(parameter.name), found->second});
  }

  [[noreturn]] void refuse(ir::NodeId id) const {
    const std::vector<bool> before = ir::reachable(graph_, {id}, ir::Direction::to_operands);
    std::string parameter;
    for (const ir::State* state : parameters_) {
      const std::optional<ir::Value> value = graph_.find_state(state->name);
      if (parameter.empty() && value && before[value->node.index]) parameter = state->name;
    }
    ir::user_error("{}: it has no gradient, but the loss depends on parameter '{}' through it{}",
                   ir::op_def(graph_[id]).name, parameter, where(graph_[id].origin));
  }

  ir::Graph& graph_;
  ir::Builder builder_;
  std::vector<const ir::State*> parameters_;
  std::map<ir::Value, ir::Value> grads_;
};

}  // namespace

bool autodiff(ir::Graph& graph, const Derivation& derivation) {
  const std::optional<ir::Value> loss = graph.find_output("loss");
  ir::user_check(
      loss && graph.type(*loss).shape.rank() == 0 && ir::is_float(graph.type(*loss).dtype),
      "graph {}: output 'loss' must be a scalar float, but got {}", graph.name(),
      loss ? graph.type(*loss).text() : "none");
  Differentiator(graph, trainable_states(derivation.module)).run();
  return true;
}

}  // namespace gptc::passes

#include "passes/optimizer.h"

#include <utility>

#include "ir/builder.h"
#include "ir/check.h"

namespace gptc::passes {
namespace {

struct Gradient {
  const ir::State* state;
  ir::Value value;
};

ir::Value output(const ir::Graph& graph, const std::string& name) {
  const std::optional<ir::Value> value = graph.find_output(name);
  ir::internal_check(value.has_value(), "optimizer: there is no output '{}'", name);
  return *value;
}

/// Copies of the declarations' names: declaring moments moves the states.
std::vector<ir::State> parameters(const ir::Module& module) {
  std::vector<ir::State> copies;
  for (const ir::State* state : trainable_states(module)) copies.push_back(*state);
  return copies;
}

ir::Value sum_of_squares(ir::Builder& builder, const std::vector<Gradient>& gradients) {
  std::optional<ir::Value> total;
  for (const Gradient& gradient : gradients) {
    const ir::Value part = builder.op(ir::OpKind::sum_squares, {gradient.value});
    total = total ? builder.add(*total, part) : part;
  }
  return *total;
}

/// The moment's value when the graph starts, declared in the module.
ir::Value moment(ir::Graph& graph, ir::Module& module, const std::string& name,
                 const ir::State& of) {
  declare_state(module, {.name = name, .type = of.type, .origin = of.origin});
  return graph.state(name, of.type);
}

struct Step {
  ir::Value scale, lr, step;
};

void update_parameter(ir::Builder& builder, const Derivation& derivation, const Gradient& gradient,
                      const Step& step) {
  const TrainOptions& options = derivation.request.train;
  const ir::State& state = *gradient.state;
  ir::Graph& graph = builder.graph();
  const std::string m = "adamw.m." + state.name;
  const std::string v = "adamw.v." + state.name;
  builder.set_origin({.scope = "optimizer", .file = state.origin.file, .line = state.origin.line});
  const ir::NodeId node =
      builder.node(ir::OpKind::adamw,
                   {graph.state(state.name, state.type), gradient.value,
                    moment(graph, derivation.module, m, state),
                    moment(graph, derivation.module, v, state), step.scale, step.lr, step.step},
                   {{"beta1", options.beta1},
                    {"beta2", options.beta2},
                    {"eps", options.eps},
                    {"weight_decay", state.decay ? options.weight_decay : 0.0}});
  graph.updates().push_back({state.name, {node, 0}});
  graph.updates().push_back({m, {node, 1}});
  graph.updates().push_back({v, {node, 2}});
}

}  // namespace

bool optimizer(ir::Graph& graph, const Derivation& derivation) {
  const std::vector<ir::State> states = parameters(derivation.module);
  std::vector<Gradient> gradients;
  gradients.reserve(states.size());
  for (const ir::State& state : states) {
    gradients.push_back({&state, output(graph, gradient_name(state.name))});
  }
  const ir::Value loss = output(graph, "loss");
  const ir::Value tokens = output(graph, "tokens");
  Step step{.scale = {},
            .lr = add_argument(graph, derivation.module, "lr", {ir::DType::f32, {}}),
            .step = add_argument(graph, derivation.module, "step", {ir::DType::i64, {}})};

  ir::Builder builder(graph);
  builder.set_origin({.scope = "optimizer"});
  const ir::Value sum = sum_of_squares(builder, gradients);
  const ir::Value squared_norm = builder.div(builder.div(sum, tokens), tokens);
  const ir::Value clip = builder.op(ir::OpKind::clip_scale, {squared_norm},
                                    {{"max_norm", derivation.request.train.clip}});
  step.scale = builder.div(clip, tokens);
  graph.outputs() = {{"loss", builder.div(loss, tokens)},
                     {"tokens", tokens},
                     {"grad_norm", builder.op(ir::OpKind::sqrt, {squared_norm})}};
  for (const Gradient& gradient : gradients) {
    update_parameter(builder, derivation, gradient, step);
  }
  return true;
}

}  // namespace gptc::passes

// The steps of passes/derive.h that declare states or set them.
#include <array>
#include <utility>

#include "ir/builder.h"
#include "ir/check.h"
#include "passes/derive.h"

namespace gptc::passes {
namespace {

constexpr std::array sums_of_scalars = {"loss", "tokens"};

/// One sum per trainable state, then those of loss and token count; all start at zero.
std::vector<ir::State> gradient_sum_states(const ir::Module& module) {
  std::vector<ir::State> sums;
  for (const ir::State* state : trainable_states(module)) {
    sums.push_back(
        {.name = gradient_name(state->name), .type = state->type, .origin = state->origin});
  }
  for (const char* name : sums_of_scalars) {
    sums.push_back({.name = gradient_name(name), .type = {ir::DType::f32, {}}});
  }
  return sums;
}

void declare_sums(ir::Module& module) {
  for (const char* name : sums_of_scalars) {
    const ir::State* taken = module.find_state(name);
    ir::user_check(taken == nullptr || !taken->train,
                   "module {}: a parameter must not be called '{}', whose sum is counted apart",
                   module.name(), name);
  }
  for (ir::State& sum : gradient_sum_states(module)) declare_state(module, std::move(sum));
}

/// The value a state starts with.
ir::Value initial_value(ir::Builder& builder, const ir::State& state, std::uint64_t seed) {
  if (state.init.kind == ir::Init::Kind::constant) {
    return builder.constant(state.init.a, state.type);
  }
  const bool normal = state.init.kind == ir::Init::Kind::normal;
  ir::Attrs attrs = {{"dtype", state.type.dtype},
                     {"shape", state.type.shape},
                     {"rng_key", ir::stable_hash("init/" + state.name, seed)}};
  attrs.set(normal ? "mean" : "low", state.init.a);
  attrs.set(normal ? "std" : "high", state.init.b);
  return builder.op(normal ? ir::OpKind::random_normal : ir::OpKind::random_uniform, {},
                    std::move(attrs));
}

}  // namespace

std::string gradient_name(std::string_view parameter) { return fmt::format("grad.{}", parameter); }

bool accumulate(ir::Graph& graph, const Derivation& derivation) {
  declare_sums(derivation.module);
  ir::Builder builder(graph);
  std::vector<ir::Output> kept;
  for (const ir::Output& output : std::vector(graph.outputs())) {
    const bool scalar = output.name == "loss" || output.name == "tokens";
    const std::string sum = scalar ? gradient_name(output.name) : output.name;
    builder.set_origin({.scope = "accumulate"});
    const ir::Value total =
        builder.add(graph.state(sum, derivation.module.find_state(sum)->type), output.value);
    graph.updates().push_back({sum, total});
    if (scalar) kept.push_back(output);
  }
  graph.outputs() = std::move(kept);
  return true;
}

bool gradient_sums(ir::Graph& graph, const Derivation& derivation) {
  declare_sums(derivation.module);
  for (const char* name : sums_of_scalars) {
    graph.outputs().push_back({name, graph.state(gradient_name(name), {ir::DType::f32, {}})});
  }
  for (const ir::State* state : trainable_states(derivation.module)) {
    const std::string name = gradient_name(state->name);
    graph.outputs().push_back({name, graph.state(name, state->type)});
  }
  return true;
}

bool clear_sums(ir::Graph& graph, const Derivation& derivation) {
  ir::Builder builder(graph);
  builder.set_origin({.scope = "clear"});
  for (const ir::State& sum : gradient_sum_states(derivation.module)) {
    graph.updates().push_back({sum.name, builder.constant(0, sum.type)});
  }
  return true;
}

bool initial_values(ir::Graph& graph, const Derivation& derivation) {
  ir::Builder builder(graph);
  for (const ir::State& state : derivation.module.states()) {
    builder.set_origin(state.origin);
    graph.updates().push_back({state.name, initial_value(builder, state, derivation.request.seed)});
  }
  return true;
}

}  // namespace gptc::passes

#include "tests/fuzz/values.h"

#include <fmt/format.h>

#include "tests/support/random_values.h"

namespace gptc::testing {
namespace {

Operand range_of(std::string_view name, const ir::Type& type, std::int64_t vocabulary,
                 std::int64_t time) {
  const auto ids = static_cast<double>(vocabulary - 1);
  if (name == "tokens") return {.type = type, .low = 0, .high = ids};
  if (name == "targets") return {.type = type, .low = -1, .high = ids};
  if (name == "lr") return {.type = type, .low = 0.01, .high = 0.02};
  if (name == "last") return {.type = type, .low = 0, .high = static_cast<double>(time - 1)};
  return {.type = type, .low = 3, .high = 3};  // step, micro_batch
}

Operand range_of(const ir::State& state, std::uint64_t seed) {
  if (state.name.starts_with("adamw.v.")) return {.type = state.type, .low = 1e-3, .high = 1e-1};
  if (state.name == "grad.tokens") return {.type = state.type, .low = 4, .high = 9};
  if (state.name.starts_with("adamw.m.") || state.name.starts_with("grad.")) {
    const double spread = seed % 2 == 0 ? 0.0 : 0.2;
    return {.type = state.type, .low = -spread, .high = spread};
  }
  const double mean = state.init.a;
  const double spread = 1.7 * state.init.b;  // about that standard deviation
  return {.type = state.type, .low = mean - spread, .high = mean + spread};
}

}  // namespace

Tensors random_arguments(const ir::Graph& graph, std::int64_t vocabulary, std::uint64_t seed) {
  Tensors tensors;
  const auto rows = graph.find_input("tokens");
  const std::int64_t time = rows ? graph.type(*rows).shape[1].size() : 1;
  for (const ir::NodeId id : graph.inputs()) {
    const std::string& name = graph[id].attrs.string("name");
    Random random(fmt::format("{} of {}", name, seed));
    tensors[name] = random_tensor(random, range_of(name, graph.type({id, 0}), vocabulary, time),
                                  Filling::reals);
  }
  return tensors;
}

Tensors random_state_values(const ir::Module& module, std::uint64_t seed) {
  Tensors tensors;
  for (const ir::State& state : module.states()) {
    Random random(fmt::format("{} of {}", state.name, seed));
    tensors[state.name] = random_tensor(random, range_of(state, seed), Filling::reals);
  }
  return tensors;
}

}  // namespace gptc::testing

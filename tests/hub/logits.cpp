#include "tests/hub/logits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "backends/reference/interpreter.h"
#include "frontend/formats/safetensors.h"
#include "models/registry.h"
#include "passes/specialise.h"
#include "tools/driver/weights.h"

namespace gptc::testing {
namespace {

using Tensors = reference::Tensors<double>;

template <class T>
std::vector<T> elements(const formats::TensorBytes& tensor) {
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

Tensors read_states(const ir::Module& module, const driver::ModelSource& source) {
  const driver::Weights weights(source, module);
  Tensors states;
  for (const ir::State& state : module.states()) {
    reference::HostTensor<double> tensor(state.type);
    std::vector<float> values(tensor.reals.size());
    weights.at(state.name).read_all(values);
    tensor.reals.assign(values.begin(), values.end());
    states[state.name] = std::move(tensor);
  }
  return states;
}

}  // namespace

Expected read_expected(const std::string& folder) {
  const auto file = formats::SafetensorsFile::open(folder + "/expected.safetensors");
  const auto tokens = elements<std::int32_t>(file.at("tokens"));
  return {.shape = file.at("logits").shape,
          .tokens = {tokens.begin(), tokens.end()},
          .logits = elements<float>(file.at("logits"))};
}

driver::ModelSource source_of(const std::string& folder) {
  driver::ModelSource source = driver::find_model(models::shipped_models(), folder);
  driver::set_dropout(source.model, source.config, 0);
  return source;
}

std::vector<double> logits_of(const driver::ModelSource& source, const Expected& expected) {
  const ir::Module module = dsl::declare(source.model, source.config, source.seed);
  ir::Graph graph = module.graph("forward");
  passes::specialise(graph, {{'B', expected.shape[0]}, {'T', expected.shape[1]}});
  Tensors states = read_states(module, source);
  Tensors inputs;
  for (const ir::NodeId id : graph.inputs()) {
    reference::HostTensor<double> tensor(graph.type({id, 0}));
    tensor.ints = expected.tokens;
    inputs[graph[id].attrs.string("name")] = std::move(tensor);
  }
  return reference::run<double>(graph, inputs, states).at("logits").reals;
}

void expect_logits(const std::vector<double>& got, const Expected& expected, double bar) {
  ASSERT_EQ(got.size(), expected.logits.size());
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i)
    worst = std::max(worst, std::fabs(got[i] - static_cast<double>(expected.logits[i])));
  EXPECT_LE(worst, bar);
}

}  // namespace gptc::testing

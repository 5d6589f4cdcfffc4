// Graphs of a chunk of new positions: whatever way a text is cut into chunks, the logits are those
// of the whole graph; what cannot be cut says so.
#include <gtest/gtest.h>

#include "backends/reference/interpreter.h"
#include "ir/builder.h"
#include "ir/check.h"
#include "passes/compile.h"
#include "tests/passes/support.h"
#include "tests/support/compare.h"

namespace gptc::testing {
namespace {

constexpr std::int64_t batch = 2;
constexpr std::int64_t length = 4;

struct Cut {
  std::string model;
  std::string name;
  std::vector<std::int64_t> chunks;  // one: by the graph decode
};

class Incremental : public ::testing::TestWithParam<Cut> {
 protected:
  ir::Module module_ = load_model(GetParam().model);

  ir::Graph lower(const std::string& graph, std::int64_t positions) {
    ir::Graph made = passes::lower(
        module_, {.graph = graph, .sizes = {{'B', batch}, {'T', positions}, {'S', length}}}, {});
    check_module(module_);
    return made;
  }

  /// Logits behind the last position, read chunk by chunk.
  reference::HostTensor<double> read(const Tensors& whole, Tensors states) {
    std::int64_t past = 0;
    reference::HostTensor<double> logits;
    for (const std::int64_t chunk : GetParam().chunks) {
      const ir::Graph graph = lower(chunk == 1 ? "decode" : "prefill", chunk);
      for (auto& [name, value] : random_states(module_, "caches")) states.emplace(name, value);
      Tensors inputs = random_inputs(graph, "run");
      for (std::int64_t i = 0; i < batch * chunk; ++i) {
        const std::int64_t row = i / chunk * length;
        inputs.at("tokens").ints[static_cast<std::size_t>(i)] =
            whole.at("tokens").ints[static_cast<std::size_t>(row + past + i % chunk)];
      }
      inputs.at("past").ints = {past, past};
      if (inputs.contains("last")) inputs.at("last").ints = {chunk - 1, chunk - 1};
      logits = reference::run<double>(graph, inputs, states).at("logits");
      past += chunk;
    }
    return logits;
  }
};

TEST_P(Incremental, GivesTheLogitsOfTheWholeGraph) {
  const ir::Graph whole = lower("logits", length);
  const Tensors states = random_states(module_, "states");
  Tensors inputs = random_inputs(whole, "run");
  inputs.at("last").ints = {length - 1, length - 1};
  Tensors values = states;
  const auto want = reference::run<double>(whole, inputs, values).at("logits");
  const auto got = read(inputs, states);
  ASSERT_EQ(got.type.text(), want.type.text());
  for (std::size_t i = 0; i < want.reals.size(); ++i)
    EXPECT_NEAR(got.reals[i], want.reals[i], 1e-9) << i;
}

std::vector<Cut> cuts() {
  std::vector<Cut> all;
  for (const std::string model : {"gpt", "mlp"}) {
    all.push_back({model, "by_ones", {1, 1, 1, 1}});
    all.push_back({model, "whole", {4}});
    all.push_back({model, "three_and_one", {3, 1}});
    all.push_back({model, "one_and_three", {1, 3}});
    all.push_back({model, "halves", {2, 2}});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Cuts, Incremental, ::testing::ValuesIn(cuts()),
                         [](const auto& at) { return at.param.model + "_" + at.param.name; });

/// tokens → logits through `body` of the embedded tokens [B,T,4].
template <class Body>
ir::Module model_of(const Body& body) {
  ir::Module module("model");
  const ir::Type table = {ir::DType::f32, {8, 4}};
  module.add_state({.name = "table", .type = table, .train = true});
  ir::Graph graph("forward");
  const ir::Type ids = {ir::DType::i32, {ir::Dim::named('B'), ir::Dim::named('T')}};
  const ir::Value tokens = graph.add_input("tokens", ids);
  const ir::Value targets = graph.add_input("targets", ids);
  ir::Builder b(graph);
  b.set_origin({.scope = "the.scope", .file = "model.cpp", .line = 7});
  const ir::Value x = b.op(ir::OpKind::embedding, {graph.state("table", table), tokens});
  const ir::Value logits = body(b, x);
  const ir::Value loss = b.op(ir::OpKind::cross_entropy, {logits, targets});
  graph.outputs() = {
      {"logits", logits}, {"loss", loss}, {"tokens", b.op(ir::OpKind::token_count, {targets})}};
  module.add_graph(std::move(graph));
  return module;
}

std::string message_of(ir::Module module) {
  try {
    passes::lower(module, {.graph = "decode", .sizes = {{'B', 1}, {'T', 1}, {'S', 8}}}, {});
  } catch (const ir::UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(IncrementalErrors, NamesTheOpAndWhy) {
  const auto later = model_of([](ir::Builder& b, ir::Value x) {
    return b.op(ir::OpKind::shift, {x}, {{"axis", 1}, {"by", -1}});
  });
  EXPECT_EQ(message_of(later),
            "shift: it cannot run on new positions only: it looks at later positions, at "
            "model.cpp:7 (the.scope)");
  const auto mixed = model_of([](ir::Builder& b, ir::Value x) {
    return b.add(x, b.reshape(b.reduce_sum(x, {1}), {ir::Dim::named('B'), 1, 4}));
  });
  EXPECT_EQ(message_of(mixed),
            "reduce_sum: it cannot run on new positions only: it sums over positions, at "
            "model.cpp:7 (the.scope)");
  const auto all = model_of([](ir::Builder& b, ir::Value x) {
    return b.op(ir::OpKind::attention, {x, x, x}, {{"heads", 1}, {"scale", 1.0}});
  });
  EXPECT_EQ(message_of(all),
            "attention: it cannot run on new positions only: every query sees every key, later "
            "ones too, at model.cpp:7 (the.scope)");
}

TEST(IncrementalErrors, ChunkLongerThanTheCache) {
  ir::Module module = load_model("mlp");
  EXPECT_THROW(
      passes::lower(module, {.graph = "prefill", .sizes = {{'B', 1}, {'T', 5}, {'S', 4}}}, {}),
      ir::UserError);
  EXPECT_THROW(passes::lower(module, {.graph = "decode", .sizes = {{'B', 1}, {'T', 1}}}, {}),
               ir::UserError);
}

}  // namespace
}  // namespace gptc::testing

// Whole graphs: inputs, states, updates, outputs, through run() and through the Backend.
#include "backends/reference/backend.h"

#include <gtest/gtest.h>

#include "backends/reference/interpreter.h"
#include "ir/builder.h"
#include "ir/check.h"
#include "tests/support/op_case.h"

namespace gptc::reference {

namespace {

using testing::type_of;

/// Swaps two states and adds the input to one of them; returns the sum's square.
ir::Module swapping() {
  ir::Module module("m");
  module.add_state({.name = "a", .type = type_of("f32[2]")});
  module.add_state({.name = "b", .type = type_of("f32[2]")});
  ir::Graph graph("step");
  const ir::Value x = graph.add_input("x", type_of("f32[2]"));
  const ir::Value a = graph.state("a", type_of("f32[2]"));
  const ir::Value b = graph.state("b", type_of("f32[2]"));
  ir::Builder builder(graph);
  const ir::Value sum = builder.add(a, x);
  graph.outputs().push_back({"y", builder.mul(sum, sum)});
  graph.updates().push_back({"a", b});
  graph.updates().push_back({"b", sum});
  module.add_graph(std::move(graph));
  return module;
}

template <class F>
HostTensor<F> vector_of(F x, F y) {
  HostTensor<F> tensor(type_of("f32[2]"));
  tensor.reals = {x, y};
  return tensor;
}

template <class F>
void check_run() {
  const ir::Module module = swapping();
  Tensors<F> states{{"a", vector_of<F>(1, 2)}, {"b", vector_of<F>(5, 6)}};
  const Tensors<F> outputs = run<F>(module.graph("step"), {{"x", vector_of<F>(10, 20)}}, states);
  EXPECT_EQ(outputs.at("y").reals, (std::vector<F>{121, 484}));
  EXPECT_EQ(states.at("a").reals, (std::vector<F>{5, 6}));
  EXPECT_EQ(states.at("b").reals, (std::vector<F>{11, 22}));
}

TEST(Run, UpdatesStatesAtTheEnd) {
  check_run<double>();
  check_run<float>();
}

TEST(Run, InputsMustBeThereAndFit) {
  const ir::Module module = swapping();
  Tensors<double> states{{"a", vector_of<double>(1, 2)}, {"b", vector_of<double>(5, 6)}};
  EXPECT_THROW(run<double>(module.graph("step"), {}, states), ir::UserError);
  const HostTensor<double> wrong(type_of("f32[3]"));
  EXPECT_THROW(run<double>(module.graph("step"), {{"x", wrong}}, states), ir::UserError);
}

class ReferenceBackend : public ::testing::TestWithParam<Precision> {
 protected:
  void SetUp() override {
    module_ = swapping();
    store_ = std::make_unique<runtime::StateStore>(module_);
    program_.graph = module_.graph("step");
    executable_ = make_backend({.precision = GetParam()})->compile(program_, arena_, *store_);
    x_.as<float>()[0] = 10;
    x_.as<float>()[1] = 20;
  }
  float state(const char* name, std::size_t i) const { return store_->view(name).as<float>()[i]; }

  ir::Module module_;
  ir::Program program_;
  runtime::Memory arena_;
  std::unique_ptr<runtime::StateStore> store_;
  std::unique_ptr<runtime::Executable> executable_;
  runtime::Tensor x_{type_of("f32[2]")};
  runtime::Tensor y_{type_of("f32[2]")};
};

TEST_P(ReferenceBackend, RunsOverTheStore) {
  const std::vector<runtime::Binding> inputs = {{"x", x_.view()}};
  const std::vector<runtime::Binding> outputs = {{"y", y_.view()}};
  executable_->run(inputs, outputs);
  EXPECT_EQ(y_.as<float>()[1], 400);
  EXPECT_EQ(state("b", 1), 20);
  executable_->run(inputs, {});
  EXPECT_EQ(state("a", 1), 20);
  executable_->run(inputs, outputs);
  EXPECT_EQ(y_.as<float>()[1], 1600);
}

TEST_P(ReferenceBackend, BindingsMustFit) {
  EXPECT_THROW(executable_->run({}, {}), ir::UserError);
  const std::vector<runtime::Binding> inputs = {{"x", x_.view()}};
  const std::vector<runtime::Binding> unknown = {{"z", y_.view()}};
  EXPECT_THROW(executable_->run(inputs, unknown), ir::UserError);
  runtime::Tensor wrong(type_of("f32[3]"));
  const std::vector<runtime::Binding> misfit = {{"y", wrong.view()}};
  EXPECT_THROW(executable_->run(inputs, misfit), ir::UserError);
}

INSTANTIATE_TEST_SUITE_P(Precisions, ReferenceBackend,
                         ::testing::Values(Precision::f32, Precision::f64));

}  // namespace

}  // namespace gptc::reference

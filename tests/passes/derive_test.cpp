// The derived graphs, whole: gradients against finite differences, AdamW against its formula, one
// train step against micro_step and apply, eval and logits against forward.
#include <gtest/gtest.h>

#include <cmath>

#include "backends/reference/interpreter.h"
#include "ir/check.h"
#include "passes/compile.h"
#include "tests/passes/support.h"
#include "tests/support/compare.h"

namespace gptc::testing {
namespace {

const passes::DimSizes sizes = {{'B', 2}, {'T', 4}};

passes::DeriveRequest request(std::string graph) {
  return {.graph = std::move(graph), .sizes = sizes};
}

/// What lowering must get right however the backend looks: with every op, and with core ops only.
enum class Ops { all, core };

passes::PassContext context(Ops ops) {
  return ops == Ops::core ? core_ops_only() : passes::PassContext{};
}

double scalar(const Tensors& tensors, const std::string& name) {
  return tensors.at(name).reals.at(0);
}

/// The model's forward graph without dropout, made by hand.
ir::Graph quiet_forward(const ir::Module& module) {
  ir::Graph graph = module.graph("forward");
  passes::specialise(graph, sizes);
  for (const ir::NodeId id : graph.nodes()) {
    if (graph[id].attrs.find("p") != nullptr) graph.set_attr(id, "p", 0.0);
  }
  return graph;
}

Tensors run(const ir::Graph& graph, Tensors& states) {
  return reference::run<double>(graph, random_inputs(graph, "run"), states);
}

struct Case {
  std::string model;
  Ops ops;
};

class Derived : public ::testing::TestWithParam<Case> {
 protected:
  ir::Module module_ = load_model(GetParam().model);
  ir::Graph& lower(const std::string& graph) {
    ir::Graph& made = passes::lower(module_, request(graph), context(GetParam().ops));
    check_module(module_);
    return made;
  }
  Tensors states() const { return random_states(module_, "states"); }
  std::vector<std::string> parameters() const {
    std::vector<std::string> names;
    for (const ir::State* state : passes::trainable_states(module_)) names.push_back(state->name);
    return names;
  }
};

/// (L(x + h) - L(x - h)) / 2h of the summed loss for one element.
double slope(const ir::Graph& graph, Tensors& states, const std::string& name, std::size_t i) {
  constexpr double h = 1e-5;
  double& x = states.at(name).reals[i];
  const double kept = x;
  x = kept + h;
  const double above = scalar(run(graph, states), "loss");
  x = kept - h;
  const double below = scalar(run(graph, states), "loss");
  x = kept;
  return (above - below) / (2 * h);
}

TEST_P(Derived, GradientsAreFiniteDifferences) {
  const ir::Graph& micro_step = lower("micro_step");
  ir::Graph forward = module_.graph("forward");
  passes::specialise(forward, sizes);
  Tensors before = states();
  Tensors after = before;
  run(micro_step, after);
  for (const std::string& name : parameters()) {
    double largest = 0;
    for (std::size_t i = 0; i < before.at(name).reals.size(); ++i) {
      const std::string sum = "grad." + name;
      const double got = after.at(sum).reals[i] - before.at(sum).reals[i];
      const double want = slope(forward, before, name, i);
      EXPECT_NEAR(got, want, 1e-6 * std::max(1.0, std::abs(want))) << name << "[" << i << "]";
      largest = std::max(largest, std::abs(want));
    }
    EXPECT_GT(largest, 1e-3) << name << ": all gradients are zero, so nothing is tested";
  }
  const Tensors outputs = run(forward, before);
  EXPECT_NEAR(after.at("grad.loss").reals[0] - before.at("grad.loss").reals[0],
              scalar(outputs, "loss"), 1e-9);
  EXPECT_NEAR(after.at("grad.tokens").reals[0] - before.at("grad.tokens").reals[0],
              scalar(outputs, "tokens"), 1e-9);
}

TEST_P(Derived, TrainIsMicroStepAndApply) {
  const ir::Graph train = lower("train");
  const ir::Graph micro_step = lower("micro_step");
  const ir::Graph apply = lower("apply");
  Tensors whole = states();
  for (auto& [name, tensor] : whole) {
    if (name.starts_with("grad.")) std::fill(tensor.reals.begin(), tensor.reals.end(), 0.0);
  }
  Tensors parts = whole;
  const Tensors start = whole;
  Tensors inputs = random_inputs(train, "run");
  const Tensors of_train = reference::run<double>(train, inputs, whole);
  reference::run<double>(micro_step, inputs, parts);
  const Tensors of_apply = reference::run<double>(apply, inputs, parts);
  for (const auto& [name, tensor] : whole) {
    EXPECT_EQ(difference(parts.at(name), tensor, 1e-28), "") << name;
  }
  for (const char* name : {"loss", "tokens", "grad_norm"}) {
    EXPECT_NEAR(scalar(of_apply, name), scalar(of_train, name), 1e-12) << name;
  }
  for (const std::string& name : parameters()) {
    EXPECT_NE(difference(whole.at(name), start.at(name), 1e-28), "") << name << " has not moved";
  }
}

TEST_P(Derived, ApplyIsAdamW) {
  const ir::Graph& apply = lower("apply");
  const passes::TrainOptions options;
  Tensors before = states();
  Tensors after = before;
  Tensors inputs = random_inputs(apply, "run");
  inputs.at("lr").reals[0] = 0.01;
  const Tensors outputs = reference::run<double>(apply, inputs, after);

  const double tokens = scalar(before, "grad.tokens");
  double squares = 0;
  for (const std::string& name : parameters()) {
    for (const double g : before.at("grad." + name).reals) squares += (g / tokens) * (g / tokens);
  }
  const double norm = std::sqrt(squares);
  EXPECT_NEAR(scalar(outputs, "grad_norm"), norm, 1e-9 * norm);
  EXPECT_NEAR(scalar(outputs, "loss"), scalar(before, "grad.loss") / tokens, 1e-12);
  const double clip = std::min(1.0, options.clip / (norm + 1e-6));
  const auto t = static_cast<double>(inputs.at("step").ints[0] + 1);
  for (const std::string& name : parameters()) {
    const bool decay = module_.find_state(name)->decay;
    for (std::size_t i = 0; i < before.at(name).reals.size(); ++i) {
      const double g = before.at("grad." + name).reals[i] / tokens * clip;
      const double m =
          options.beta1 * before.at("adamw.m." + name).reals[i] + (1 - options.beta1) * g;
      const double v =
          options.beta2 * before.at("adamw.v." + name).reals[i] + (1 - options.beta2) * g * g;
      const double m_hat = m / (1 - std::pow(options.beta1, t));
      const double v_hat = v / (1 - std::pow(options.beta2, t));
      const double x = before.at(name).reals[i];
      const double decayed = x - 0.01 * (decay ? options.weight_decay : 0) * x;
      EXPECT_NEAR(after.at(name).reals[i],
                  decayed - 0.01 * m_hat / (std::sqrt(v_hat) + options.eps), 1e-9);
      EXPECT_EQ(after.at("grad." + name).reals[i], 0);
    }
  }
  EXPECT_EQ(scalar(after, "grad.tokens"), 0);
}

TEST_P(Derived, EvalIsForwardWithoutDropout) {
  const ir::Graph& eval = lower("eval");
  EXPECT_FALSE(eval.find_input("micro_batch").has_value());
  Tensors values = states();
  const Tensors want = run(quiet_forward(module_), values);
  const Tensors got =
      reference::run<double>(eval, random_inputs(module_.graph("eval"), "run"), values);
  EXPECT_NEAR(scalar(got, "loss"), scalar(want, "loss"), 1e-9);
  EXPECT_EQ(scalar(got, "tokens"), scalar(want, "tokens"));
}

TEST_P(Derived, LogitsAreOneRowOfForward) {
  const ir::Graph& behind = lower("logits");
  const ir::Graph forward = quiet_forward(module_);
  Tensors values = states();
  Tensors inputs = random_inputs(forward, "run");
  inputs["last"] = random_inputs(behind, "run").at("last");
  inputs.at("last").ints = {2, 3};
  const reference::HostTensor<double> got =
      reference::run<double>(behind, inputs, values).at("logits");
  const reference::HostTensor<double> all =
      reference::run<double>(forward, inputs, values).at("logits");
  const auto vocabulary = static_cast<std::size_t>(all.type.shape[2].size());
  const std::size_t rows[] = {0 * 4 + 2, 1 * 4 + 3};
  ASSERT_EQ(got.reals.size(), 2 * vocabulary);
  for (std::size_t b = 0; b < 2; ++b) {
    for (std::size_t v = 0; v < vocabulary; ++v) {
      EXPECT_NEAR(got.reals[b * vocabulary + v], all.reals[rows[b] * vocabulary + v], 1e-9);
    }
  }
}

TEST_P(Derived, LogitsComputeTheHeadForOneRow) {
  const ir::Graph& behind = lower("logits");
  const ir::Type& logits = behind.type(*behind.find_output("logits"));
  for (const ir::NodeId id : behind.nodes()) {
    for (const ir::Type& type : behind[id].results) {
      const bool of_all = type.shape.rank() == 3 && type.shape.back() == logits.shape.back();
      EXPECT_FALSE(of_all) << "logits of every position: " << type.text();
    }
  }
}

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  return info.param.model + (info.param.ops == Ops::all ? "_all_ops" : "_core_ops");
}

INSTANTIATE_TEST_SUITE_P(Models, Derived,
                         ::testing::Values(Case{"gpt", Ops::all}, Case{"gpt", Ops::core},
                                           Case{"mlp", Ops::all}, Case{"mlp", Ops::core}),
                         case_name);

TEST(Init, FollowsTheDeclarations) {
  ir::Module module = load_model("gpt");
  passes::lower(module, request("train"), {});
  const ir::Graph& init = passes::lower(module, request("init"), {});
  check_module(module);
  ASSERT_EQ(init.updates().size(), module.states().size());
  Tensors states;
  reference::run<double>(init, {}, states);
  for (const ir::State& state : module.states()) {
    const std::vector<double>& values = states.at(state.name).reals;
    const bool constant = state.init.kind == ir::Init::Kind::constant;
    const bool uniform = state.init.kind == ir::Init::Kind::uniform;
    for (const double value : values) {
      EXPECT_TRUE(!constant || value == state.init.a) << state.name;
      EXPECT_TRUE(!uniform || (value >= state.init.a && value < state.init.b)) << state.name;
    }
    EXPECT_TRUE(constant || values[0] != values[1]) << state.name;
  }
  EXPECT_NE(states.at("wte").reals[0], states.at("wpe").reals[0]);
}

TEST(Init, DependsOnTheSeed) {
  ir::Module module = load_model("mlp");
  Tensors first, second, again;
  reference::run<double>(passes::lower(module, request("init"), {}), {}, first);
  passes::DeriveRequest other = request("init");
  reference::run<double>(passes::lower(module, other, {}), {}, again);
  other.seed = 1;
  reference::run<double>(passes::lower(module, other, {}), {}, second);
  EXPECT_EQ(first.at("mix").reals, again.at("mix").reals);
  EXPECT_NE(first.at("mix").reals, second.at("mix").reals);
}

}  // namespace
}  // namespace gptc::testing

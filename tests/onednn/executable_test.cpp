#include "backends/onednn/executable.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "backends/onednn/backend.h"
#include "ir/builder.h"
#include "ir/check.h"

namespace gptc::testing {
namespace {

using ir::DType;
using ir::OpKind;
using ir::Placement;
using ir::Shape;

const ir::Type vec{DType::f32, Shape{3}};

/// A graph over states a, b, c (three floats each), every other value in its own place.
class Bound {
 public:
  Bound() : module_("m") {
    for (const char* name : {"a", "b", "c"}) module_.add_state({.name = name, .type = vec});
  }
  ir::Graph& graph() { return program_.graph; }
  ir::Value state(const std::string& name) { return graph().state(name, vec); }

  /// The value then lies in the state itself.
  void put_in_state(ir::Value value, const std::string& name) {
    in_place_.push_back({name, value});
  }

  void compile() {
    states_ = std::make_unique<runtime::StateStore>(module_);
    for (const ir::NodeId id : graph().nodes()) {
      const ir::Node& node = graph()[id];
      program_.results.emplace_back();
      for (const ir::Type& type : node.results)
        program_.results.back().push_back(place(Placement::Space::arena, type.bytes()));
      program_.workspaces.push_back(
          place(Placement::Space::arena, backend_->workspace_bytes(graph(), id)));
      if (node.kind == OpKind::state)
        program_.results.back()[0] = place_of_state(node.attrs.string("name"));
    }
    for (const auto& [name, value] : in_place_)
      program_.results[value.node.index][value.result] = place_of_state(name);
    arena_ = runtime::Memory(program_.arena_bytes);
    executable_ = backend_->compile(program_, arena_, *states_);
  }

  std::span<float> values_of(const std::string& state) { return states_->view(state).as<float>(); }
  void run(std::vector<runtime::Binding> inputs, std::vector<runtime::Binding> outputs) {
    executable_->run(inputs, outputs);
  }
  runtime::Executable& executable() { return *executable_; }

 private:
  Placement place(Placement::Space space, std::int64_t bytes) {
    const Placement placement{space, program_.arena_bytes, bytes};
    program_.arena_bytes += (bytes + 63) / 64 * 64;
    return placement;
  }
  Placement place_of_state(const std::string& name) {
    const auto* data = states_->view(name).data;
    return {Placement::Space::state, data - states_->data(), vec.bytes()};
  }

  ir::Module module_;
  ir::Program program_;
  std::vector<ir::Update> in_place_;
  std::unique_ptr<runtime::Backend> backend_ = onednn::make_backend({.threads = 1});
  std::unique_ptr<runtime::StateStore> states_;
  runtime::Memory arena_;
  std::unique_ptr<runtime::Executable> executable_;
};

void set(std::span<float> to, std::vector<float> values) { std::ranges::copy(values, to.begin()); }
std::vector<float> get(std::span<float> from) { return {from.begin(), from.end()}; }

TEST(Executable, StatesExchangeTheirOldValues) {
  Bound bound;
  const ir::Value a = bound.state("a");
  const ir::Value b = bound.state("b");
  bound.graph().updates() = {{"a", b}, {"b", a}, {"c", a}};
  bound.compile();
  set(bound.values_of("a"), {1, 2, 3});
  set(bound.values_of("b"), {4, 5, 6});
  bound.run({}, {});
  EXPECT_EQ(get(bound.values_of("a")), (std::vector<float>{4, 5, 6}));
  EXPECT_EQ(get(bound.values_of("b")), (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(get(bound.values_of("c")), (std::vector<float>{1, 2, 3}));
}

TEST(Executable, UpdatesInPlaceAndCopiedOnes) {
  Bound bound;
  ir::Builder b(bound.graph());
  const ir::Value x = bound.graph().add_input("x", vec);
  const ir::Value sum = b.add(bound.state("a"), x);
  const ir::Value product = b.mul(bound.state("b"), x);
  const ir::Value view = b.reshape(product, Shape{1, 3});
  bound.graph().updates() = {{"a", sum}, {"b", product}};
  bound.graph().outputs() = {{"sum", sum}, {"view", view}};
  bound.put_in_state(sum, "a");
  bound.compile();
  set(bound.values_of("a"), {1, 2, 3});
  set(bound.values_of("b"), {4, 5, 6});
  runtime::Tensor input(vec);
  runtime::Tensor result({DType::f32, Shape{1, 3}});
  set(input.as<float>(), {10, 20, 30});
  bound.run({{"x", input.view()}}, {{"view", result.view()}});
  EXPECT_EQ(get(bound.values_of("a")), (std::vector<float>{11, 22, 33}));
  EXPECT_EQ(get(bound.values_of("b")), (std::vector<float>{40, 100, 180}));
  EXPECT_EQ(get(result.as<float>()), (std::vector<float>{40, 100, 180}));
  bound.run({{"x", input.view()}}, {});
  EXPECT_EQ(get(bound.values_of("a")), (std::vector<float>{21, 42, 63}));
}

TEST(Executable, ProfileHookSeesEveryKernelOnce) {
  Bound bound;
  ir::Builder b(bound.graph());
  const ir::Value x = bound.graph().add_input("x", vec);
  const ir::Value y = b.add(x, x);
  bound.graph().outputs() = {{"y", y}};
  bound.compile();
  runtime::Tensor input(vec);
  int calls = 0;
  auto& executable = dynamic_cast<onednn::ProgramExecutable&>(bound.executable());
  executable.set_profile_hook([&](ir::NodeId node, double seconds) {
    EXPECT_GE(seconds, 0);
    if (node == y.node) ++calls;
  });
  bound.run({{"x", input.view()}}, {});
  executable.set_profile_hook({});
  bound.run({{"x", input.view()}}, {});
  EXPECT_EQ(calls, 1);
}

std::string error_of(Bound& bound, std::vector<runtime::Binding> inputs,
                     std::vector<runtime::Binding> outputs) {
  try {
    bound.run(std::move(inputs), std::move(outputs));
  } catch (const ir::UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Executable, RefusesBindingsThatDoNotFit) {
  Bound bound;
  bound.graph().set_name("g");
  const ir::Value x = bound.graph().add_input("x", vec);
  bound.graph().outputs() = {{"y", x}};
  bound.compile();
  runtime::Tensor right(vec);
  runtime::Tensor wrong({DType::f32, Shape{4}});
  EXPECT_EQ(error_of(bound, {}, {}), "g: input 'x' (f32[3]) must be given, but is missing");
  EXPECT_EQ(error_of(bound, {{"x", wrong.view()}}, {}),
            "g: input 'x' must be f32[3], but got f32[4]");
  EXPECT_EQ(error_of(bound, {{"x", {vec, nullptr}}}, {}),
            "g: input 'x' must have memory, but got a null pointer");
  EXPECT_EQ(error_of(bound, {{"x", right.view()}}, {{"z", right.view()}}),
            "g: there is no output 'z'");
  EXPECT_EQ(error_of(bound, {{"x", right.view()}}, {{"y", wrong.view()}}),
            "g: output 'y' must be f32[3], but got f32[4]");
}

}  // namespace
}  // namespace gptc::testing

// tests/passes/<stage>/NAME.in.ir through the stage is NAME.out.ir. Passes keep the numbers: both
// are run on the reference and compared; a second run of a pass changes nothing.
// GPTC_UPDATE_GOLDEN=1 writes the .out.ir files anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "backends/reference/interpreter.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "passes/pipelines.h"
#include "tests/passes/support.h"
#include "tests/support/compare.h"

namespace gptc::testing {
namespace {

constexpr double allowed_nmse = 1e-12;         // f64; passes reorder sums
constexpr double allowed_nmse_of_bf16 = 1e-4;  // and leave out roundings in between

bool update_wanted() { return std::getenv("GPTC_UPDATE_GOLDEN") != nullptr; }

/// decompose_unsupported needs a backend that lacks something, rematerialise a budget.
passes::PassContext context_for(std::string_view stage) {
  if (stage == "decompose_unsupported") return core_ops_only();
  passes::PassContext context;
  if (stage == "rematerialise") context.arena_budget = 1;  // the smallest there is
  return context;
}

/// These steps do nothing in f32.
ir::DType dtype_for(std::string_view stage) {
  const bool narrows =
      stage == "mixed_precision" || stage == "narrow_saved" || stage == "round_gradients";
  return narrows ? ir::DType::bf16 : ir::DType::f32;
}

/// Passes run on every graph; steps on the first, or on an empty `init` if there is none.
bool run_stage(ir::Module& module, const passes::Stage& stage) {
  if (stage.pass != nullptr) {
    bool changed = false;
    for (ir::Graph& graph : module.graphs()) {
      changed |= stage.pass(graph, context_for(stage.name));
    }
    return changed;
  }
  ir::Graph graph = module.graphs().empty() ? ir::Graph("init") : module.graphs().front();
  const passes::DeriveRequest request{.graph = graph.name(),
                                      .sizes = {{'B', 2}, {'T', 4}},
                                      .dtype = dtype_for(stage.name),
                                      .grad_dtype = dtype_for(stage.name)};
  const bool changed = stage.step(graph, {module, request});
  module.add_graph(std::move(graph));
  return changed;
}

struct Values {
  Tensors outputs;
  Tensors states;
};

Values run(const ir::Module& module, const ir::Graph& graph, std::string_view seed) {
  Values result{.outputs = {}, .states = random_states(module, seed)};
  result.outputs = reference::run<double>(graph, random_inputs(graph, seed), result.states);
  return result;
}

/// "" or what differs.
std::string differences(const Tensors& got, const Tensors& want, double allowed = allowed_nmse) {
  std::string text;
  if (got.size() != want.size()) text += "another number of values; ";
  for (const auto& [name, tensor] : want) {
    const std::string what =
        got.contains(name) ? difference(got.at(name), tensor, allowed) : "missing";
    if (!what.empty()) text += name + ": " + what + "; ";
  }
  return text;
}

bool computes_in_bf16(const ir::Graph& graph) {
  return std::ranges::any_of(graph.nodes(), [&](ir::NodeId id) {
    return graph[id].kind != ir::OpKind::input && graph[id].results.size() == 1 &&
           graph[id].results[0].dtype == ir::DType::bf16;
  });
}

class Golden : public ::testing::TestWithParam<std::filesystem::path> {
 protected:
  const std::filesystem::path& in_file() const { return GetParam(); }
  std::filesystem::path out_file() const {
    std::string name = in_file().string();
    return name.replace(name.size() - std::string(".in.ir").size(), std::string::npos, ".out.ir");
  }
  std::string name() const { return in_file().filename().string(); }
  const passes::Stage& stage() const {
    const std::string folder = in_file().parent_path().filename().string();
    const passes::Stage* found = passes::find_stage(folder);
    if (found == nullptr) throw std::runtime_error("there is no stage '" + folder + "'");
    return *found;
  }
  ir::Module before() const { return ir::parse(read_text(in_file()), name()); }
};

TEST_P(Golden, TextIsAsWritten) {
  ir::Module module = before();
  const std::string old = ir::print(module);
  const bool changed = run_stage(module, stage());
  check_module(module);
  const std::string text = ir::print(module);
  EXPECT_TRUE(stage().step != nullptr || changed == (text != old)) << "says changed: " << changed;
  if (update_wanted()) write_text(out_file(), text);
  EXPECT_EQ(text, read_text(out_file())) << "GPTC_UPDATE_GOLDEN=1 writes " << out_file();
}

TEST_P(Golden, PassKeepsNumbersAndIsDoneAfterOneRun) {
  if (stage().pass == nullptr) return;  // steps change what is computed; derive_test.cpp has those
  const ir::Module old = before();
  ir::Module module = old;
  run_stage(module, stage());
  for (const ir::Graph& graph : old.graphs()) {
    const Values want = run(old, graph, name());
    const Values got = run(module, module.graph(graph.name()), name());
    ASSERT_FALSE(want.outputs.empty() && graph.updates().empty()) << "nothing to compare";
    const double allowed = computes_in_bf16(graph) ? allowed_nmse_of_bf16 : allowed_nmse;
    EXPECT_EQ(differences(got.outputs, want.outputs, allowed), "");
    EXPECT_EQ(differences(got.states, want.states, allowed), "");
  }
  EXPECT_FALSE(run_stage(module, stage())) << ir::print(module);
}

/// The test of the test: what a broken pass does to a graph must be seen.
TEST(GoldenItself, SeesABrokenPass) {
  const ir::Module old = ir::parse(
      "graph @g(%x: f32[3], %y: f32[3]) {\n"
      "  %0 = sub(%x, %y) : f32[3]\n"
      "  return r = %0\n"
      "}\n");
  ir::Module broken = old;
  ir::Graph& graph = broken.graph("g");
  const ir::NodeId sub = graph.find_output("r")->node;
  const ir::Value x = graph[sub].operands[0];
  graph.set_operand(sub, 0, graph[sub].operands[1]);
  graph.set_operand(sub, 1, x);
  const Values want = run(old, old.graph("g"), "seed");
  EXPECT_EQ(differences(run(old, old.graph("g"), "seed").outputs, want.outputs), "");
  EXPECT_NE(differences(run(broken, graph, "seed").outputs, want.outputs), "");
}

std::string test_name(const ::testing::TestParamInfo<std::filesystem::path>& info) {
  const std::string file = info.param.filename().string();
  return info.param.parent_path().filename().string() + "_" + file.substr(0, file.find('.'));
}

INSTANTIATE_TEST_SUITE_P(Passes, Golden,
                         ::testing::ValuesIn(files_below(test_folder() / "passes", ".in.ir")),
                         test_name);

}  // namespace
}  // namespace gptc::testing

// tests/passes/<stage>/NAME.in.ir through the stage is NAME.out.ir. Passes keep the numbers: both
// are run on the reference and compared; a second run of a pass changes nothing.
// GPTC_UPDATE_GOLDEN=1 writes the .out.ir files anew.
#include <gtest/gtest.h>

#include <cstdlib>

#include "backends/reference/interpreter.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "passes/pipelines.h"
#include "tests/passes/support.h"
#include "tests/support/compare.h"

namespace gptc::testing {
namespace {

constexpr double allowed_nmse = 1e-12;  // f64; passes reorder sums

bool update_wanted() { return std::getenv("GPTC_UPDATE_GOLDEN") != nullptr; }

/// decompose_unsupported needs a backend that lacks something.
passes::PassContext context_for(std::string_view stage) {
  return stage == "decompose_unsupported" ? core_ops_only() : passes::PassContext{};
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
  const passes::DeriveRequest request{.graph = graph.name(), .sizes = {{'B', 2}, {'T', 4}}};
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

void expect_equal(const Tensors& got, const Tensors& want) {
  ASSERT_EQ(got.size(), want.size());
  for (const auto& [name, tensor] : want) {
    ASSERT_TRUE(got.contains(name)) << name;
    EXPECT_EQ(difference(got.at(name), tensor, allowed_nmse), "") << name;
  }
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
    expect_equal(got.outputs, want.outputs);
    expect_equal(got.states, want.states);
  }
  EXPECT_FALSE(run_stage(module, stage())) << ir::print(module);
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

#include "passes/runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "ir/builder.h"
#include "ir/check.h"
#include "passes/compile.h"
#include "passes/pipelines.h"
#include "tests/passes/support.h"

namespace gptc::testing {
namespace {

passes::DeriveRequest train() { return {.graph = "train", .sizes = {{'B', 2}, {'T', 4}}}; }

TEST(Runner, DumpsAndLogsEveryStage) {
  std::vector<std::string> dumped, logged;
  ir::Module module = load_model("mlp");
  passes::lower(module, train(), {},
                {.dump = [&](const passes::Point& point,
                             const ir::Graph&) { dumped.emplace_back(point.stage); },
                 .log = [&](std::string_view line) { logged.emplace_back(line); }});
  const std::vector<passes::Row> rows = passes::pipeline("train");
  ASSERT_EQ(dumped.size(), rows.size());
  ASSERT_EQ(logged.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(dumped[i], rows[i].stage->name);
    EXPECT_NE(logged[i].find(dumped[i]), std::string::npos) << logged[i];
  }
  EXPECT_EQ(logged.front().find("(unchanged)"), std::string::npos) << logged.front();
  const auto unchanged = std::find_if(logged.begin(), logged.end(), [](const std::string& line) {
    return line.find("fuse_attention") != std::string::npos;  // the model has none
  });
  ASSERT_NE(unchanged, logged.end());
  EXPECT_NE(unchanged->find("(unchanged)"), std::string::npos) << *unchanged;
}

TEST(Runner, StopsBehindANameOrNumber) {
  ir::Module module = load_model("mlp");
  const ir::Graph& graph = passes::lower(module, train(), {}, {.stop_after = "autodiff"});
  EXPECT_TRUE(graph.find_output("grad.mix").has_value());
  EXPECT_FALSE(graph.find_input("lr").has_value());
  const ir::Graph& first = passes::lower(module, train(), {}, {.stop_after = "1"});
  EXPECT_TRUE(first.find_output("logits").has_value());
}

TEST(Runner, RefusesAnUnknownStage) {
  ir::Module module = load_model("mlp");
  EXPECT_THROW(passes::lower(module, train(), {}, {.stop_after = "melt"}), ir::UserError);
}

bool break_graph(ir::Graph& graph, const passes::PassContext&) {
  ir::Builder builder(graph);
  const ir::Value value = builder.scalar(1);
  graph.set_result_type(value.node, 0, {ir::DType::f32, {ir::Dim(3)}});
  return true;
}

TEST(Runner, NamesTheGuiltyPass) {
  const passes::Stage stage = {"break_graph", "", break_graph, nullptr};
  const std::vector<passes::Row> rows = {{&stage, ""}};
  ir::Module module;
  const passes::DeriveRequest request{.graph = "train"};
  ir::Graph graph("train");
  try {
    passes::run_pipeline(graph, rows, {module, request}, {}, {});
    FAIL();
  } catch (const ir::InternalError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("pass 'break_graph' (number 1 of graph train)"), std::string::npos) << text;
    EXPECT_EQ(text.find("internal error"), text.rfind("internal error")) << text;
  }
}

TEST(Pipelines, UseEveryStageAndSayWhy) {
  std::set<std::string_view> used;
  for (const passes::Interface& interface : passes::interfaces()) {
    for (const passes::Row& row : passes::pipeline(interface.graph)) {
      used.insert(row.stage->name);
      EXPECT_FALSE(row.why.empty()) << row.stage->name;
    }
  }
  for (const passes::Stage& stage : passes::all_stages()) {
    EXPECT_TRUE(used.contains(stage.name)) << stage.name << " is in no pipeline";
    EXPECT_NE(stage.pass == nullptr, stage.step == nullptr) << stage.name;
  }
}

TEST(Pipelines, RefuseAnUnknownGraph) { EXPECT_THROW(passes::pipeline("trian"), ir::UserError); }

}  // namespace
}  // namespace gptc::testing

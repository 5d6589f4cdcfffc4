#include "tools/driver/dump.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ir/check.h"
#include "ir/graph_algo.h"
#include "ir/parse.h"
#include "passes/pipelines.h"
#include "tests/driver/tiny_model.h"
#include "tools/driver/backends.h"
#include "tools/driver/useful_flops.h"

namespace gptc::driver {
namespace {

struct Case {
  std::string model;
  std::string graph;
};

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const dsl::Model& model : models::shipped_models()) {
    cases.push_back({model.name, "forward"});
    cases.push_back({model.name, "generate"});
    for (const passes::Interface& interface : passes::interfaces())
      cases.push_back({model.name, std::string(interface.graph)});
  }
  return cases;
}

ModelSource sized(const std::string& name) {
  ModelSource source = find_model(models::shipped_models(), name);
  if (source.config.integer("vocab_size") == 0) source.config.set("vocab_size", std::int64_t{300});
  return source;
}

class DumpTest : public ::testing::TestWithParam<Case> {};

// Every stage of every graph of every configuration, with the plan.
TEST_P(DumpTest, ParsesBackAtEveryStage) {
  const auto backend = make_backend("onednn", 1);
  const std::vector<Snapshot> snapshots =
      dump_ir(sized(GetParam().model), *backend,
              {.graph = GetParam().graph,
               .stage = "all",
               .sizes = {{'B', 2}, {'T', GetParam().graph == "decode" ? 1 : 32}, {'S', 32}}});
  const std::string graph = GetParam().graph == "generate" ? "prefill" : GetParam().graph;
  const std::size_t stages = graph == "forward" ? 1 : passes::pipeline(graph).size() + 1;
  EXPECT_EQ(snapshots.size(), stages);
  for (const Snapshot& snapshot : snapshots) {
    const ir::Module back = ir::parse(snapshot_text(snapshot), snapshot.name);
    EXPECT_TRUE(ir::equal(back, snapshot.module)) << snapshot.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, DumpTest, ::testing::ValuesIn(all_cases()),
                         [](const auto& param_info) {
                           std::string name = param_info.param.model + "_" + param_info.param.graph;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

TEST(Dump, ForwardOfEvalListsEveryParameterWithItsType) {
  const auto backend = make_backend("onednn", 1);
  const auto snapshots =
      dump_ir(sized("gpt2"), *backend,
              {.graph = "eval", .stage = "forward", .sizes = {{'B', 1}, {'T', 8}}});
  ASSERT_EQ(snapshots.size(), 1U);
  const std::string text = snapshot_text(snapshots.front());
  EXPECT_EQ(dsl::parameter_count(snapshots.front().module), 124439808);
  EXPECT_NE(text.find("state %wte.weight : f32[50257x768]"), std::string::npos);
  EXPECT_NE(text.find("state %h.11.mlp.c_proj.bias : f32[768]"), std::string::npos);
}

TEST(Dump, GenerateIsPrefillAndDecodeOverTheSameCaches) {
  const auto backend = make_backend("onednn", 1);
  const DumpRequest both = {.graph = "generate", .sizes = {{'B', 2}, {'T', 8}, {'S', 16}}};
  const auto snapshots = dump_ir(testing::tiny_model(), *backend, both);
  ASSERT_EQ(snapshots.size(), 1U);
  const ir::Module& module = snapshots.front().module;
  ASSERT_EQ(module.graphs().size(), 2U);
  for (const char* name : {"prefill", "decode"}) {
    DumpRequest one = both;
    one.graph = name;
    if (one.graph == "decode") one.sizes['T'] = 1;
    const auto alone = dump_ir(testing::tiny_model(), *backend, one);
    EXPECT_EQ(module.states().size(), alone.front().module.states().size());
    EXPECT_TRUE(ir::equal(module.graph(name), alone.front().module.graph(name))) << name;
  }
  DumpRequest plan = both;
  plan.stage = "plan";
  const std::string text = snapshot_text(dump_ir(testing::tiny_model(), *backend, plan).front());
  EXPECT_EQ(text.rfind("# prefill: arena ", 0), 0U);
  EXPECT_NE(text.find("\n# decode: arena "), std::string::npos);
}

TEST(Dump, StoredWeightsAreForGraphsThatRead) {
  const auto backend = make_backend("onednn", 1);
  DumpRequest request = {.graph = "generate",
                         .sizes = {{'B', 1}, {'T', 8}, {'S', 16}},
                         .weights = passes::WeightStore::i4};
  const std::string text = snapshot_text(dump_ir(testing::tiny_model(), *backend, request).front());
  EXPECT_NE(text.find("state %h.0.mlp.c_fc.weight : i8[128x16]"), std::string::npos);
  EXPECT_NE(text.find("matmul_i4("), std::string::npos);
  request.graph = "train";
  EXPECT_THROW(dump_ir(testing::tiny_model(), *backend, request), ir::UserError);
}

TEST(Dump, ThePlanStandsInComments) {
  const auto backend = make_backend("onednn", 1);
  const auto snapshots =
      dump_ir(testing::tiny_model(), *backend, {.stage = "plan", .sizes = {{'B', 2}, {'T', 8}}});
  ASSERT_EQ(snapshots.size(), 1U);
  const std::string text = snapshot_text(snapshots.front());
  EXPECT_EQ(text.rfind("# arena ", 0), 0U);
  EXPECT_NE(text.find("  # arena "), std::string::npos);
}

TEST(Dump, StagesGoByNameNumberAndAlias) {
  const auto backend = make_backend("onednn", 1);
  const auto text = [&](const std::string& stage) {
    return snapshot_text(
        dump_ir(testing::tiny_model(), *backend, {.stage = stage, .sizes = {{'B', 2}, {'T', 8}}})
            .front());
  };
  const std::vector<passes::Row> rows = passes::pipeline("train");
  const auto autodiff = std::ranges::find_if(
      rows, [](const passes::Row& row) { return row.stage->name == "autodiff"; });
  ASSERT_NE(autodiff, rows.end());
  EXPECT_EQ(text("autodiff"), text(std::to_string(autodiff - rows.begin() + 1)));
  EXPECT_NE(text("fusion").find("row_fused"), std::string::npos);
  EXPECT_NE(text("autodiff").find("attention_grad"), std::string::npos);
  EXPECT_THROW(text("fussion"), ir::UserError);
}

TEST(Dump, ExplainsFusions) {
  const auto backend = make_backend("onednn", 1);
  std::string lines;
  DumpRequest request = {.sizes = {{'B', 2}, {'T', 8}}};
  request.explain = [&](std::string_view line) { lines += std::string(line) + "\n"; };
  dump_ir(testing::tiny_model(), *backend, request);
  EXPECT_NE(lines.find("fuse_attention: "), std::string::npos) << lines;
}

// tokens · (6·(12·L·C² + V·C) + 6·L·T·C)
TEST(UsefulFlops, AreTheFormulaForGpt2) {
  const auto backend = make_backend("onednn", 1);
  const auto snapshots =
      dump_ir(sized("gpt2"), *backend, {.graph = "eval", .sizes = {{'B', 4}, {'T', 256}}});
  const double layers = 12;
  const double width = 768;
  const double per_token =
      6 * (12 * layers * width * width + 50257 * width) + 6 * layers * 256 * width;
  EXPECT_DOUBLE_EQ(useful_training_flops(snapshots.front().module.graph("eval")),
                   4 * 256 * per_token);
}

}  // namespace
}  // namespace gptc::driver

// The memory contract and budgets as a person meets them.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/cli_fixture.h"

namespace gptc::testing {
namespace {

using Json = nlohmann::json;

/// A model whose activations count: 25 MB of states, 60 MB of arena.
std::vector<std::string> larger(std::vector<std::string> command) {
  for (const char* word : {"--set", "n_layer=4", "--set", "n_head=4", "--set", "n_embd=256",
                           "--set", "context=128", "--batch", "8", "--threads", "1"})
    command.emplace_back(word);
  return command;
}

std::vector<std::string> planning(const std::vector<std::string>& more) {
  std::vector<std::string> command =
      larger({"plan", "--model", "gpt2-nano", "--set", "vocab_size=300", "--ctx", "128",
              "--ceilings", "200", "400", "30", "--json"});
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

class MemoryTest : public CliTest {
 protected:
  static std::vector<std::string> training_run(const std::string& out,
                                               const std::vector<std::string>& more) {
    std::vector<std::string> command =
        larger({"train", "--model", "gpt2-nano", "--data", path("text.txt"), "--tokenizer",
                path("tokenizer"), "--out", out, "--eval-windows", "8", "--ctx", "128",
                "--sample-interval", "1"});
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }
};

/// Of the run's closing line; it says so if the plan was not kept.
void expect_kept(const ProgramResult& result) {
  EXPECT_NE(result.err.find("memory: plan "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find(", measured "), std::string::npos) << result.err;
  EXPECT_EQ(result.err.find("more than the plan"), std::string::npos) << result.err;
}

TEST_F(MemoryTest, PlanSaysForWhat) {
  const Json plan = Json::parse(expect_success(planning({})).out);
  std::int64_t sum = 0;
  for (const char* part :
       {"parameters", "gradients", "moments", "activations", "workspace", "library", "other"})
    sum += plan.at("parts").at(part).get<std::int64_t>();
  const auto peak = plan.at("peak_bytes").get<std::int64_t>();
  EXPECT_EQ(sum, peak);
  sum = 0;
  for (const char* block : {"state_bytes", "arena_bytes", "library_allocated_bytes"})
    sum += plan.at(block).get<std::int64_t>();
  EXPECT_EQ(sum, peak);
  EXPECT_LE(plan.at("ratio").get<double>(), 1.02);
  EXPECT_GT(plan.at("step_ms").get<double>(), 0);
  for (const char* graph : {"train", "eval", "decode", "prefill.16", "prefill.64", "init"})
    EXPECT_TRUE(plan.at("graphs").contains(graph)) << graph;
  const Json parts = Json::parse(expect_success(planning({"--grad-accum", "2"})).out);
  EXPECT_TRUE(parts.at("graphs").contains("micro_step"));
  EXPECT_TRUE(parts.at("graphs").contains("apply"));
}

TEST_F(MemoryTest, CurveFallsAndRises) {
  const Json curve = Json::parse(expect_success(planning({"--curve"})).out).at("curve");
  ASSERT_GE(curve.size(), 4U);
  for (std::size_t i = 1; i < curve.size(); ++i) {
    EXPECT_LT(curve[i].at("peak_bytes"), curve[i - 1].at("peak_bytes"));
    EXPECT_GT(curve[i].at("ms"), curve[i - 1].at("ms"));
  }
  const auto least = curve.back().at("peak_bytes").get<std::int64_t>();
  const Json plan = Json::parse(expect_success(planning({"--mem", std::to_string(least)})).out);
  EXPECT_EQ(plan.at("peak_bytes").get<std::int64_t>(), least);
  expect_error(planning({"--mem", std::to_string(least - 1)}),
               {"--mem " + std::to_string(least) + " or more"});
  expect_error(planning({"--mem", "much"}), {"--mem", "'much'"});
}

TEST_F(MemoryTest, RunsTakeWhatThePlanSays) {
  expect_kept(expect_success(training_run(path("plain"), {"--max-steps", "2"})));
  expect_kept(expect_success(training_run(path("plain"), {"--resume", "--max-steps", "4"})));
  const Json curve = Json::parse(expect_success(planning({"--curve"})).out).at("curve");
  constexpr std::int64_t tokens = 100'000;  // at most, in bytes
  const std::string least =
      std::to_string(curve.back().at("peak_bytes").get<std::int64_t>() + tokens);
  expect_kept(expect_success(training_run(path("small"), {"--mem", least, "--max-steps", "2"})));
  expect_kept(expect_success(
      training_run(path("small"), {"--mem", least, "--resume", "--max-steps", "4"})));
  for (const char* name : {"/model.safetensors", "/optimizer-4.safetensors"})
    EXPECT_EQ(content_of(path("plain") + name), content_of(path("small") + name)) << name;
}

}  // namespace
}  // namespace gptc::testing

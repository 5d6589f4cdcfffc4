#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/cli/cli_fixture.h"

namespace gptc::testing {
namespace {

void expect_usage_error(const std::vector<std::string>& arguments, const std::string& part) {
  const ProgramResult result = run_program(arguments);
  EXPECT_EQ(result.status, 2) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_NE(result.err.find(part), std::string::npos) << part << " in " << result.err;
}

TEST(Usage, UnknownNamesSayWhatWasMeant) {
  expect_usage_error({"train", "--bacth", "4"}, "did you mean --batch?");
  expect_usage_error({"trian"}, "did you mean train?");
  expect_usage_error({"generate", "--tempreature", "1"}, "did you mean --temperature?");
}

TEST(Usage, WrongValuesAndPlaces) {
  expect_usage_error({"train", "--batch", "four"}, "--batch");
  expect_usage_error({"--threads", "1", "models"}, "behind the subcommand");
  expect_usage_error({"tokenizer"}, "subcommand");
  expect_usage_error({"tokenizer", "learn"}, "--in");
  expect_usage_error({"plan", "--model", "gpt2", "--backend", "cuda"}, "--backend");
}

TEST(Usage, NothingToDoShowsTheHelp) {
  const ProgramResult result = run_program({});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("Subcommands:"), std::string::npos);
}

TEST(Usage, EveryCommandHasHelpWithAnExample) {
  const std::vector<std::vector<std::string>> commands = {{"train"},
                                                          {"generate"},
                                                          {"eval"},
                                                          {"export"},
                                                          {"quantize"},
                                                          {"tokenizer", "learn"},
                                                          {"tokenizer", "encode"},
                                                          {"tokenizer", "decode"},
                                                          {"tokenizer", "count"},
                                                          {"tokenizer", "show"},
                                                          {"tokenizer", "convert"},
                                                          {"bench", "train"},
                                                          {"models"},
                                                          {"passes"},
                                                          {"ops"},
                                                          {"plan"},
                                                          {"ir"}};
  for (std::vector<std::string> command : commands) {
    command.emplace_back("--help");
    const ProgramResult result = run_program(command);
    EXPECT_EQ(result.status, 0) << command.front();
    EXPECT_NE(result.out.find("Example:"), std::string::npos) << command.front();
    EXPECT_EQ(result.err, "") << command.front();
  }
  EXPECT_EQ(run_program({"--help"}).status, 0);
  EXPECT_EQ(run_program({"--version"}).out.rfind("gptc ", 0), 0U);
}

TEST(Usage, UnderscoresAreDashes) {
  EXPECT_EQ(run_program({"plan", "--model", "gpt2", "--batch_size", "1", "--block_size", "32",
                         "--graph", "eval"})
                .status,
            0);
}

TEST(Usage, ListsAreThere) {
  EXPECT_NE(run_program({"models"}).out.find("124439808"), std::string::npos);
  EXPECT_NE(run_program({"passes"}).out.find("autodiff"), std::string::npos);
  EXPECT_NE(run_program({"passes", "train"}).out.find("schedule"), std::string::npos);
  EXPECT_NE(run_program({"ops"}).out.find("layer_norm"), std::string::npos);
  EXPECT_NE(run_program({"ops", "layer_norm"}).out.find("eps"), std::string::npos);
  EXPECT_EQ(run_program({"ops", "layernorm"}).status, 1);
  const auto models = nlohmann::json::parse(run_program({"models", "--json"}).out);
  EXPECT_EQ(models.at(1).at("parameters").get<std::int64_t>(), 124439808);
  const auto plan = nlohmann::json::parse(
      run_program({"plan", "--model", "gpt2", "--batch", "4", "--ctx", "256", "--json"}).out);
  EXPECT_LT(plan.at("graphs").at("train").at("ratio").get<double>(), 1.1);
}

TEST(Usage, BenchReportsItsFigures) {
  const ProgramResult result = run_program(
      {"bench",          "train",   "--model",   "gpt2-nano", "--set",  "n_layer=1", "--set",
       "vocab_size=300", "--batch", "1",         "--ctx",     "16",     "--steps",   "2",
       "--warmup",       "1",       "--threads", "1",         "--json", "--quiet"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto figures = nlohmann::json::parse(result.out);
  for (const char* key : {"tokens_per_s", "mfu", "peak_gflops", "arena_bytes", "state_bytes",
                          "max_rss_bytes", "compile_s", "lower_bound_bytes"})
    EXPECT_GT(figures.at(key).get<double>(), 0) << key;
  EXPECT_LE(figures.at("step_ms").at("min").get<double>(),
            figures.at("step_ms").at("median").get<double>());
  EXPECT_LT(figures.at("mfu").get<double>(), 1);
}

}  // namespace
}  // namespace gptc::testing

// generation_config.json: what the command line does not say.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/cli_fixture.h"

namespace gptc::testing {
namespace {

namespace fs = std::filesystem;

class GenerationConfig : public CliTest {
 protected:
  /// A copy of the run with this file.
  explicit GenerationConfig() { fs::copy(path("run"), folder_.path(), options); }

  void says(const std::string& json) {
    static_cast<void>(folder_.with("generation_config.json", json));
  }
  std::string text(const std::vector<std::string>& more = {}) const {
    return expect_success(arguments(more)).out;
  }
  std::vector<std::string> arguments(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {"generate", "--model", folder_.path(), "-p", "The ship",
                                    "--seed",   "1",       "-t",           "1",  "--json"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  static constexpr auto options =
      fs::copy_options::recursive | fs::copy_options::overwrite_existing;
  TempFolder folder_;
};

TEST_F(GenerationConfig, SpeaksWhereNoFlagDoes) {
  const std::vector<std::string> flags = {
      "--temperature",        "0.3", "--top-k", "7", "--top-p", "0.9", "-n", "5",
      "--repetition-penalty", "1.5"};
  const std::string want = text(flags);
  const std::string other = text({"-n", "5", "--temperature", "2"});
  ASSERT_NE(want, other);
  says(R"({"temperature": 0.3, "top_k": 7, "top_p": 0.9, "max_new_tokens": 5, "unknown": [1, {}],
           "repetition_penalty": 1.5, "min_p": null, "transformers_version": "5.0"})");
  const ProgramResult result = expect_success(arguments());
  EXPECT_EQ(result.out, want);
  EXPECT_NE(result.err.find("temperature 0.3, top_k 7, top_p 0.9"), std::string::npos)
      << result.err;
  EXPECT_EQ(text({"--temp", "2", "--top-k", "300", "--top-p", "1", "--repeat-penalty", "1"}),
            other);
}

TEST_F(GenerationConfig, NoSamplingIsGreedy) {
  const std::string greedy = text({"--temperature", "0"});
  says(R"({"do_sample": false, "temperature": 1.0, "top_k": 0})");
  EXPECT_EQ(text(), greedy);
  EXPECT_NE(text({"--temperature", "3"}), greedy);
}

TEST_F(GenerationConfig, ItsEndOfTextEndsTexts) {
  const auto record = nlohmann::json::parse(text({"-n", "3", "--temperature", "0"}));
  const auto second = record.at("tokens").at(1).get<int>();
  says(R"({"do_sample": false, "eos_token_id": )" + std::to_string(second) + "}");
  const auto ended = nlohmann::json::parse(text({"-n", "3"}));
  EXPECT_LT(ended.at("tokens").size(), 3U);
  EXPECT_NE(ended.at("finish_reason"), "length");
  EXPECT_EQ(nlohmann::json::parse(text({"-n", "3", "--ignore-eos"})).at("tokens"),
            record.at("tokens"));
}

TEST_F(GenerationConfig, WhatIsWrongIsOneLine) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {R"({"temperature": "hot"})", "temperature"},
      {R"({"temperature": -1})", "temperature"},
      {R"({"top_k": 1.5})", "top_k"},
      {R"({"top_k": -2})", "top_k"},
      {R"({"top_p": 2})", "top_p"},
      {R"({"do_sample": 1})", "do_sample"},
      {R"({"eos_token_id": [1, 2]})", "eos_token_id"},
      {R"({"max_new_tokens": 99999999999})", "max_new_tokens"},
      {R"({"repetition_penalty": 0})", "repetition_penalty"},
      {R"([])", "generation_config.json"},
      {R"({"temperature": )", "generation_config.json"}};
  for (const auto& [json, part] : wrong) {
    says(json);
    expect_error(arguments({"-q"}), {folder_.file("generation_config.json"), part});
  }
  says(R"({"temperature": "hot"})");
  expect_success(arguments({"--temperature", "1"}));  // nothing asks for it
}

}  // namespace
}  // namespace gptc::testing

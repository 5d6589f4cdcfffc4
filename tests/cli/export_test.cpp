#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/cli/cli_fixture.h"

namespace gptc::testing {
namespace {

namespace fs = std::filesystem;

const std::string fixture = GPTC_SOURCE_DIR "/tests/golden/hub/with_tokenizer";

class Export : public CliTest {
 protected:
  static std::vector<std::string> greedy(const std::string& model, const std::string& prompt,
                                         int tokens) {
    return {"generate",
            "--model",
            model,
            "-p",
            prompt,
            "-n",
            std::to_string(tokens),
            "--temperature",
            "0",
            "--ignore-eos",
            "--threads",
            "1"};
  }
};

TEST_F(Export, AFolderOfTransformersWritesItsGreedyText) {
  std::ifstream file(fixture + "/expected.json");
  const nlohmann::json expected = nlohmann::json::parse(file);
  const auto prompt = expected.at("prompt").get<std::string>();
  const auto tokens =
      static_cast<int>(expected.at("ids").size() - expected.at("tokens").get<std::size_t>());
  EXPECT_EQ(expect_success(greedy(fixture, prompt, tokens)).out,
            expected.at("text").get<std::string>() + "\n");
}

TEST_F(Export, WhatHfHoldsWritesTheSameText) {
  expect_success({"export", "--model", path("run"), "--to", "hf", "--out", path("hf")});
  EXPECT_EQ(expect_success(greedy(path("hf"), "The ship", 40)).out,
            expect_success(greedy(path("run"), "The ship", 40)).out);
  expect_error({"export", "--model", path("run"), "--to", "hf", "--out", path("hf")},
               {path("hf"), "--overwrite"});
  expect_success(
      {"export", "--model", path("run"), "--to", "hf", "--out", path("hf"), "--overwrite"});
}

TEST_F(Export, AnExportedFolderIsTrainedOn) {
  expect_success({"export", "--model", path("run"), "--to", "hf", "--out", path("from")});
  expect_success({"train", "--model", path("from"), "--data", path("text.txt"), "--out",
                  path("further"), "--batch", "2", "--threads", "1", "--max-steps", "2"});
  expect_success(
      {"train", "--resume", "--out", path("further"), "--max-steps", "3", "--threads", "1"});
  expect_success(greedy(path("further"), "The", 3));
}

TEST_F(Export, AGgufFileAppears) {
  expect_success({"export", "--model", path("run"), "--to", "gguf", "--dtype", "f16", "--out",
                  path("run.gguf")});
  const std::string bytes = content_of(path("run.gguf"));
  EXPECT_EQ(bytes.substr(0, 4), "GGUF");
  expect_error({"export", "--model", path("run"), "--to", "gguf", "--out", path("run.gguf")},
               {"--overwrite"});
  expect_error({"export", "--model", path("run"), "--to", "gguf", "--out", path("run")},
               {"folder"});
}

TEST_F(Export, WhatIsWrongIsOneLine) {
  expect_error({"export", "--model", "gpt2", "--to", "hf", "--out", path("x")}, {"no weights"});
  expect_error({"export", "--model", path("run"), "--to", "hf", "--out", path("run")},
               {"another folder"});
  expect_error(
      {"export", "--model", path("run"), "--to", "hf", "--dtype", "q8_0", "--out", path("x")},
      {"q8_0"});
  expect_error({"export", "--model", path("run"), "--to", "gguf", "--out", path("nowhere/x.gguf")},
               {path("nowhere/x.gguf")});
  EXPECT_FALSE(fs::exists(path("x")));
}

// A file-size limit stands for a full disk.
TEST_F(Export, ADiskThatIsFullLeavesNoModel) {
  const ProgramResult result =
      run_program({"export", "--model", path("run"), "--to", "hf", "--out", path("full_hf")},
                  {.file_size_limit = 6000});
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_FALSE(fs::exists(path("full_hf/config.json")));
  EXPECT_FALSE(fs::exists(path("full_hf/model.safetensors")));
}

}  // namespace
}  // namespace gptc::testing

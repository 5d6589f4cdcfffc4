#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/cli/cli_fixture.h"

namespace gptc::testing {
namespace {

namespace fs = std::filesystem;

class Quantize : public CliTest {
 protected:
  /// The folder of the form, made once.
  static std::string form(const std::string& name) {
    std::string folder = path("form_" + name);
    if (!fs::exists(folder))
      expect_success({"quantize", path("run"), "--to", name, "--out", folder});
    return folder;
  }
  static std::vector<std::string> greedy(const std::string& model,
                                         const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {
        "generate", "--model", model,        "-p", "The ship",      "-n", "20",     "-t",
        "1",        "--json",  "--logprobs", "3",  "--temperature", "0",  "--seed", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
};

TEST_F(Quantize, SaysWhatItWrote) {
  const ProgramResult result =
      expect_success({"quantize", path("run"), "--to", "int8", "--out", path("said")});
  EXPECT_NE(result.err.find("wrote " + path("said") + ": weights in int8, "), std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find(" instead of "), std::string::npos) << result.err;
  EXPECT_EQ(result.out, "");
  for (const char* name : {"config.json", "model.safetensors", "vocab.json", "tokenizer.json"})
    EXPECT_TRUE(fs::exists(path("said/") + name)) << name;
  const nlohmann::json config = nlohmann::json::parse(content_of(path("said/config.json")));
  EXPECT_EQ(config.at("gptc_weights"), "int8");
}

// Text and log-probabilities are those of the original, rounded when it is loaded.
TEST_F(Quantize, AFolderIsUsedAsItIs) {
  for (const std::string name : {"bf16", "int8", "int4"}) {
    const std::string want = expect_success(greedy(path("run"), {"--dtype", name})).out;
    EXPECT_EQ(expect_success(greedy(form(name))).out, want) << name;
    EXPECT_EQ(expect_success(greedy(form(name), {"--dtype", name})).out, want) << name;
    const auto eval = [&](const std::string& model, const std::vector<std::string>& more) {
      std::vector<std::string> arguments = {"eval",           "--model", model, "--data",
                                            path("text.txt"), "-t",      "1",   "--json",
                                            "--windows",      "4"};
      arguments.insert(arguments.end(), more.begin(), more.end());
      return nlohmann::json::parse(expect_success(arguments).out);
    };
    const nlohmann::json evaluated = eval(form(name), {});
    EXPECT_EQ(evaluated.at("loss"), eval(path("run"), {"--dtype", name}).at("loss")) << name;
    EXPECT_EQ(evaluated.at("dtype"), name);
  }
}

TEST_F(Quantize, TheTypesAreInTheIrAndTheFigures) {
  const std::string dump =
      expect_success({"--dump-ir", "--graph", "decode", "--model", form("int8")}).out;
  EXPECT_NE(dump.find("state %h.0.mlp.c_fc.weight : i8[64x16]"), std::string::npos) << dump;
  EXPECT_NE(dump.find("state %h.0.mlp.c_fc.weight.scale : f32[64]"), std::string::npos);
  const std::string same =
      expect_success({"--dump-ir", "--graph", "decode", "--model", path("run"), "--dtype", "int8"})
          .out;
  EXPECT_EQ(dump, same);
  const nlohmann::json bench =
      nlohmann::json::parse(expect_success({"bench", "generate", "--model", form("int8"), "-t", "1",
                                            "--rounds", "1", "--prompt-length", "0", "--json"})
                                .out);
  EXPECT_EQ(bench.at("dtype"), "int8");
  expect_success({"plan", "--graph", "decode", "--model", form("int8"), "--json"});
}

TEST_F(Quantize, AFolderOfHuggingFacesFormBecomesOne) {
  const std::string hub = GPTC_SOURCE_DIR "/tests/golden/hub/with_tokenizer";
  expect_success({"quantise", "--model", hub, "--to", "int8", "--out", path("hub8"), "-q"});
  EXPECT_EQ(expect_success(greedy(path("hub8"))).out,
            expect_success(greedy(hub, {"--dtype", "int8"})).out);
  EXPECT_TRUE(fs::exists(path("hub8/generation_config.json")));
}

TEST_F(Quantize, WhatIsThereStays) {
  const std::string there = path("there");
  expect_success({"quantize", path("run"), "--to", "int8", "--out", there, "-q"});
  expect_error({"quantize", path("run"), "--to", "int4", "--out", there}, {there, "--overwrite"});
  expect_error({"quantize", path("run"), "--to", "int4", "--out", path("run"), "--overwrite"},
               {"another folder"});
  expect_success({"quantize", path("run"), "--to", "int4", "--out", there, "--overwrite"});
  EXPECT_EQ(expect_success(greedy(there)).out,
            expect_success(greedy(path("run"), {"--dtype", "int4"})).out);
}

TEST_F(Quantize, WhatCannotBeHadExactlyIsOneLine) {
  const std::string eight = form("int8");
  for (const char* other : {"f32", "bf16", "int4"})
    expect_error(greedy(eight, {"--dtype", other}), {eight, "stored as int8"});
  expect_error({"--dump-ir", "--model", eight}, {"--graph train", "declared"});
  expect_error({"plan", "--model", eight}, {eight, "int8"});
  expect_error({"quantize", eight, "--to", "int4", "--out", path("x")}, {eight, "int8"});
  expect_error({"export", "--model", eight, "--to", "gguf", "--out", path("x")}, {eight, "int8"});
  expect_error({"train", "--model", eight, "--data", path("text.txt"), "--out", path("x")},
               {eight, "int8"});
  expect_error({"train", "--resume", "--out", eight, "--max-steps", "9"}, {eight, "int8"});
  expect_error({"quantize", "gpt2", "--to", "int4", "--out", path("x")}, {"no weights"});
  EXPECT_FALSE(fs::exists(path("x")));
  expect_success(greedy(form("bf16"), {"--dtype", "f32"}));
}

// A file-size limit stands for a full disk.
TEST_F(Quantize, ADiskThatIsFullLeavesNoModel) {
  const ProgramResult result = run_program(
      {"quantize", path("run"), "--to", "bf16", "--out", path("full")}, {.file_size_limit = 6000});
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_FALSE(fs::exists(path("full/config.json")));
  EXPECT_FALSE(fs::exists(path("full/model.safetensors")));
}

}  // namespace
}  // namespace gptc::testing

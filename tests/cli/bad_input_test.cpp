// What a person may give wrongly: one clear line, exit code 1, nothing lost.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/cli/cli_fixture.h"

namespace gptc::testing {
namespace {

namespace fs = std::filesystem;

using BadInput = CliTest;

TEST_F(BadInput, UnknownModel) {
  expect_error({"train", "--model", "gpt3", "--data", path("text.txt"), "--tokenizer",
                path("tokenizer"), "--out", path("x"), "--max-steps", "1"},
               {"'gpt3'", "gpt2-medium"});
  expect_error({"generate", "--model", "gpt2", "-p", "x"}, {"gpt2", "no weights"});
  EXPECT_FALSE(fs::exists(path("x")));
}

TEST_F(BadInput, MissingEmptyBinaryAndShortData) {
  const TempFolder folder;
  const std::string empty = folder.with("empty.txt", "");
  const std::string binary = folder.with("binary.txt", std::string("ab\0cd", 5));
  const std::string shorter = folder.with("short.txt", "A ship.");
  const auto with_data = [](const std::string& data) {
    std::vector<std::string> arguments = training("bad", {"--max-steps", "2"});
    *(std::find(arguments.begin(), arguments.end(), "--data") + 1) = data;
    return arguments;
  };
  expect_error(with_data(folder.file("none.txt")), {"none.txt"});
  expect_error(with_data(empty), {empty, "empty"});
  expect_error(with_data(binary), {binary, "byte 2"});
  expect_error(with_data(shorter), {"tokens"});
  EXPECT_FALSE(fs::exists(path("bad")));
}

TEST_F(BadInput, AVocabularyThatDoesNotFitTheModel) {
  std::vector<std::string> arguments =
      training("bad", {"--max-steps", "2", "--set", "vocab_size=77"});
  expect_error(arguments, {"77", "300", "tokenizer"});
}

TEST_F(BadInput, ATokenizerThatIsNotThere) {
  expect_error({"tokenizer", "encode", "--tokenizer", path("nowhere")}, {path("nowhere")});
}

TEST_F(BadInput, OutputThatCannotBeWritten) {
  const std::string file = path("text.txt");
  std::vector<std::string> arguments = training("x", {"--max-steps", "1"});
  *(std::find(arguments.begin(), arguments.end(), "--out") + 1) = file + "/run";
  expect_error(arguments, {file + "/run"});
  expect_error({"--dump-ir", "--model", "gpt2", "-o", file + "/x.ir"}, {file + "/x.ir"});
}

// A file-size limit stands for a full disk: the write fails half way.
TEST_F(BadInput, ADiskThatIsFullLosesNothing) {
  expect_success(training("full", {"--max-steps", "2"}));
  const std::string before = content_of(path("full/model.safetensors"));
  const ProgramResult result = run_program(
      {"train", "--resume", "--out", path("full"), "--max-steps", "4", "--threads", "1"},
      {.file_size_limit = 6000});
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_NE(result.err.find("gptc: error: "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("safetensors"), std::string::npos) << result.err;
  EXPECT_EQ(content_of(path("full/model.safetensors")), before);
  expect_success({"generate", "--model", path("full"), "-p", "The", "-n", "3", "-s", "1"});
  expect_success(
      {"train", "--resume", "--out", path("full"), "--max-steps", "4", "--threads", "1"});
}

TEST_F(BadInput, StdoutThatIsFull) {
  const ProgramResult result = run_program(
      {"-c", std::string(GPTC_PROGRAM) + " models > /dev/full"}, {.program = "/bin/sh"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("gptc: error: cannot write to stdout"), std::string::npos)
      << result.err;
}

TEST_F(BadInput, PromptsAndSamplingOutOfRange) {
  const std::vector<std::string> base = {"generate", "--model", path("run"), "--threads", "1"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = base;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  std::string prompt;
  for (int i = 0; i < 40; ++i) prompt += "xq ";
  expect_error(with({"-p", prompt, "--seed", "1"}), {"context of 16", "shorten"});
  expect_error(with({"-p", "x", "--top-k", "0"}), {"--top-k", "at least 1", "0"});
  expect_error(with({"-p", "x", "--temperature", "-0.5"}), {"--temperature", "-0.5"});
  expect_error(with({"-p", "x", "-n", "-1"}), {"-n", "-1"});
  expect_error(with({"--file", path("nofile")}), {path("nofile")});
}

TEST_F(BadInput, ADamagedCheckpoint) {
  fs::copy(path("run"), path("damaged"));
  const std::string file = path("damaged/model.safetensors");
  fs::resize_file(file, fs::file_size(file) - 100);
  expect_error({"generate", "--model", path("damaged"), "-p", "x"}, {file});
  fs::resize_file(file, 4);
  expect_error({"generate", "--model", path("damaged"), "-p", "x"}, {file});
  expect_error({"train", "--resume", "--out", path("damaged"), "--max-steps", "9"}, {file});
  std::ofstream(path("damaged/config.json")) << "{\"gptc_model\": ";
  expect_error({"generate", "--model", path("damaged"), "-p", "x"}, {"config.json"});
}

TEST_F(BadInput, IrTextWithAWrongType) {
  const TempFolder folder;
  const std::string wrong = folder.with("wrong.ir",
                                        "module @m {\n"
                                        "  graph @g(%x: f32[2x3]) {\n"
                                        "    %0 = exp(%x) : f32[2x4]\n"
                                        "    return y = %0\n"
                                        "  }\n"
                                        "}\n");
  expect_error({"ir", wrong}, {"wrong.ir:3", "f32[2x3]", "f32[2x4]"});
  expect_error({"ir", folder.file("none.ir")}, {"none.ir"});
}

TEST_F(BadInput, SettingsOutOfRange) {
  const auto bad = [](const std::vector<std::string>& more) { return training("bad", more); };
  expect_error(bad({}), {"--max-steps", "--epochs"});
  expect_error(bad({"--max-steps", "2", "--lr", "0"}), {"--lr"});
  expect_error(bad({"--max-steps", "2", "--ctx", "17"}), {"--ctx", "16", "17"});
  expect_error(bad({"--max-steps", "2", "--dropout", "1.5"}), {"--dropout", "1.5"});
  expect_error(bad({"--max-steps", "2", "--set", "n_leyer=2"}), {"n_leyer", "n_layer"});
  expect_error({"--dump-ir=fussion", "--model", "gpt2"}, {"fussion", "fuse_attention"});
  expect_error({"--dump-ir", "--model", "gpt2", "--graph", "trian"}, {"trian", "train"});
  expect_error({"--dump-ir"}, {"--model"});
}

TEST_F(BadInput, AFolderThatHoldsAModelIsNotOverwritten) {
  const std::string before = content_of(path("run/model.safetensors"));
  expect_error(training("run", {"--max-steps", "1"}), {path("run"), "--resume", "--overwrite"});
  EXPECT_EQ(content_of(path("run/model.safetensors")), before);
  expect_error({"train", "--resume", "--out", path("nowhere"), "--max-steps", "1"},
               {path("nowhere"), "no"});
}

}  // namespace
}  // namespace gptc::testing

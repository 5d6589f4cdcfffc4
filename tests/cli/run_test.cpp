// Whole runs: train, resume, interrupt, generate, dump, a program with a model of its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/cli/cli_fixture.h"

namespace gptc::testing {
namespace {

namespace fs = std::filesystem;

using RunTest = CliTest;

TEST_F(RunTest, TrainingLeavesEverything) {
  for (const char* name : {"config.json", "train.json", "vocab.json", "merges.txt", "log.jsonl",
                           "loss_curve.png", "model.safetensors", "optimizer-3.safetensors"})
    EXPECT_TRUE(fs::exists(path(std::string("run/") + name))) << name;
  const std::string log = content_of(path("run/log.jsonl"));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 3);
  EXPECT_NE(log.find("\"val_loss\""), std::string::npos);
}

TEST_F(RunTest, SaysWhatThePersonWantsToKnow) {
  const ProgramResult result = expect_success(
      training("said", {"--epochs", "0.05", "--sample-interval", "3", "--grad-accum", "2"}));
  for (const char* part : {"validation loss", "bits per byte", "unigram entropy", "saved in"})
    EXPECT_NE(result.err.find(part), std::string::npos) << part;
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(expect_success(training("silent", {"--max-steps", "2", "-q"})).err.find("step"),
            std::string::npos);
}

TEST_F(RunTest, ResumingGivesTheBytesOfTheRunThatWasNotStopped) {
  const std::vector<std::string> fixed = {"--max-steps",    "6", "--lr-schedule", "constant",
                                          "--warmup-steps", "0", "--dropout",     "0.1"};
  std::vector<std::string> half = fixed;
  half[1] = "3";
  expect_success(training("whole", fixed));
  expect_success(training("half", half));
  expect_success(training("half", [&] {
    std::vector<std::string> more = fixed;
    more.emplace_back("--resume");
    return more;
  }()));
  for (const char* name : {"/model.safetensors", "/optimizer-6.safetensors"})
    EXPECT_EQ(content_of(path("whole") + name), content_of(path("half") + name)) << name;
  const std::string log = content_of(path("half/log.jsonl"));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 6);
}

TEST_F(RunTest, Bf16TrainsAndGoesOnInBf16) {
  const std::vector<std::string> whole = {
      "--dtype",        "bf16", "--emulate-bf16", "--max-steps", "4", "--lr-schedule", "constant",
      "--warmup-steps", "0"};
  std::vector<std::string> half = whole;
  half[4] = "2";
  const ProgramResult result = expect_success(training("bf16", whole));
  EXPECT_NE(result.err.find("bf16"), std::string::npos) << result.err;
  expect_success(training("bf16_half", half));
  expect_success(
      {"train", "--resume", path("bf16_half"), "--max-steps", "4", "-t", "1", "--emulate-bf16"});
  expect_success(training(
      "not_bf16", {"--max-steps", "4", "--lr-schedule", "constant", "--warmup-steps", "0"}));
  const std::string model = content_of(path("bf16") + "/model.safetensors");
  EXPECT_EQ(model, content_of(path("bf16_half") + "/model.safetensors"));
  EXPECT_NE(model, content_of(path("not_bf16") + "/model.safetensors"));
  expect_error(training("bf8", {"--dtype", "bf8"}), {"--dtype", "f32 or bf16", "'bf8'"});
}

TEST_F(RunTest, GradientsInBf16) {
  const std::vector<std::string> common = {"--max-steps", "4"};
  std::vector<std::string> rounded = common;
  rounded.insert(rounded.end(), {"--grad-dtype", "bf16"});
  expect_success(training("f32_grads", common));
  expect_success(training("bf16_grads", rounded));
  EXPECT_NE(content_of(path("bf16_grads") + "/model.safetensors"),
            content_of(path("f32_grads") + "/model.safetensors"));
  EXPECT_NE(content_of(path("bf16_grads") + "/train.json").find("\"grad_dtype\": \"bf16\""),
            std::string::npos);
  rounded.insert(rounded.end(), {"--grad-accum", "2"});
  expect_error(training("no_grads", rounded), {"--grad-dtype bf16", "--grad-accum 2"});
  expect_error(training("no_grads", {"--grad-dtype", "bf8"}), {"--grad-dtype", "'bf8'"});
}

/// By kind, then the slowest nodes by the names that the plan's dump gives them.
TEST_F(RunTest, ProfilesTheNodesOfAStep) {
  const ProgramResult result = expect_success(
      training("profiled", {"--max-steps", "3", "--grad-accum", "2", "--profile=4", "-q"}));
  for (const char* part : {"graph micro_step: ", "(mean of 4)", "graph apply: ", "(mean of 2)",
                           "GFLOP/s", "GB/s read", "kind (nodes)", "the 4 slowest nodes"})
    EXPECT_NE(result.err.find(part), std::string::npos) << part << " in " << result.err;
  const std::string apply = result.err.substr(result.err.find("graph apply: "));
  const std::string slowest = apply.substr(apply.find("slowest nodes\n"));
  const std::size_t name = slowest.find('%', slowest.find(" %") + 2);  // behind the share
  const std::string node = slowest.substr(name, slowest.find(' ', name) - name);
  const ProgramResult plan = expect_success({"--dump-ir=plan", "--graph", "apply", "--model",
                                             path("profiled"), "--batch", "2", "--ctx", "16"});
  EXPECT_NE(plan.out.find("  " + node), std::string::npos) << node << " in\n" << plan.out;
  EXPECT_EQ(expect_success(training("plain", {"--max-steps", "2"})).err.find("slowest nodes"),
            std::string::npos);
}

TEST_F(RunTest, ResumeKnowsItsSettings) {
  expect_success(training("known", {"--max-steps", "2"}));
  const ProgramResult result =
      expect_success({"train", "--resume", path("known"), "--max-steps", "4", "-t", "1"});
  EXPECT_NE(result.err.find("steps 2 to 4 of 1x2x16"), std::string::npos) << result.err;
  expect_error({"train", "--resume", path("known"), "--model", "gpt2", "--max-steps", "5"},
               {"gpt2-nano"});
}

TEST_F(RunTest, CtrlCSavesAndTheRunGoesOn) {
  const ProgramResult result = run_program(training("stopped", {"--max-steps", "1000000"}),
                                           {.interrupt_when_written = path("stopped/log.jsonl")});
  EXPECT_EQ(result.status, 130) << result.err;
  EXPECT_NE(result.err.find("--resume"), std::string::npos);
  EXPECT_TRUE(fs::exists(path("stopped/model.safetensors")));
  expect_success({"generate", "--model", path("stopped"), "-p", "The", "-n", "2", "-s", "1"});
}

TEST_F(RunTest, TrainingStartsFromAFoldersWeights) {
  expect_success({"train", "--model", path("run"), "--data", path("text.txt"), "--out",
                  path("tuned"), "--max-steps", "2", "--batch", "2", "-t", "1"});
  expect_success(training("run2", {"--max-steps", "2"}));
  expect_success(training("run2", {"--max-steps", "1", "--overwrite"}));
  EXPECT_TRUE(fs::exists(path("run2/optimizer-1.safetensors")));
  EXPECT_FALSE(fs::exists(path("run2/optimizer-2.safetensors")));
}

TEST_F(RunTest, GenerateIsReproducibleAndStreamsText) {
  const std::vector<std::string> arguments = {"generate", "--model", path("run"), "-p", "The ship",
                                              "-p",       "A whale", "-n",        "40", "--top-k",
                                              "20",       "--seed",  "3",         "-t", "1"};
  const ProgramResult first = expect_success(arguments);
  EXPECT_EQ(expect_success(arguments).out, first.out);
  EXPECT_EQ(first.out.rfind("The ship", 0), 0U);
  EXPECT_NE(first.out.find("\nA whale"), std::string::npos);
  EXPECT_NE(first.err.find("last half is kept"), std::string::npos) << first.err;
  const ProgramResult from_stdin = expect_success(
      {"generate", "--model", path("run"), "-n", "5", "--temp", "0", "-t", "1"}, {.input = "The"});
  EXPECT_EQ(from_stdin.out.rfind("The", 0), 0U);
}

TEST_F(RunTest, TokensGoThereAndBack) {
  const std::string text = "The whale, na\xc3\xafve\n\xf0\x9f\x90\x8b again";
  const ProgramResult ids =
      expect_success({"tokenizer", "encode", "--tokenizer", path("tokenizer")}, {.input = text});
  const ProgramResult back =
      expect_success({"tokenizer", "decode", "--tokenizer", path("tokenizer")}, {.input = ids.out});
  EXPECT_EQ(back.out, text);
  expect_error({"tokenizer", "decode", "--tokenizer", path("tokenizer")}, {"byte 3"},
               {.input = "12 x"});
  expect_error({"tokenizer", "decode", "--tokenizer", path("tokenizer")}, {"300"},
               {.input = "300"});
}

TEST_F(RunTest, TheProgramsIrParsesBack) {
  for (const char* graph : {"train", "generate", "logits", "forward"}) {
    expect_success(
        {"--dump-ir", "--model", "gpt2-xl", "--graph", graph, "--batch", "1", "-o", path("xl.ir")});
    EXPECT_EQ(expect_success({"ir", path("xl.ir")}).out, content_of(path("xl.ir"))) << graph;
  }
  const ProgramResult passes =
      expect_success({"ir", path("xl.ir"), "--passes=canonicalize,cse,dce"});
  EXPECT_NE(passes.out.find("graph @forward"), std::string::npos);
  EXPECT_EQ(
      expect_success({"--dump-ir", "--model", "gpt2", "--format", "dot"}).out.rfind("digraph", 0),
      0U);
  expect_success({"--dump-ir=all", "--model", path("run"), "-o", path("stages")});
  EXPECT_TRUE(fs::exists(path("stages/01.forward.ir")));
}

TEST_F(RunTest, AModelOfOnesOwnHasTheWholeCommandLine) {
  const auto own = [](const std::vector<std::string>& arguments) {
    return expect_success(arguments, {.program = OWN_MODEL_PROGRAM});
  };
  EXPECT_NE(own({"--dump-ir", "--model", "wave"}).out.find("module @wave"), std::string::npos);
  own({"train", "--model", "wave", "--set", "width=16", "--set", "context=16", "--data",
       path("text.txt"), "--tokenizer", path("tokenizer"), "--out", path("wave"), "--max-steps",
       "3", "--batch", "2", "-t", "1"});
  EXPECT_EQ(own({"generate", "--model", path("wave"), "-p", "The", "-n", "5", "-s", "1"})
                .out.rfind("The", 0),
            0U);
}

TEST_F(RunTest, AModelWithoutCachesWritesAllTheSame) {
  const ProgramOptions program = {.program = WITHOUT_CACHES_PROGRAM};
  const ProgramResult trained =
      expect_success({"train", "--model", "bare", "--data", path("text.txt"), "--tokenizer",
                      path("tokenizer"), "--out", path("bare"), "--max-steps", "2",
                      "--sample-interval", "1", "--batch", "2", "-t", "1"},
                     program);
  EXPECT_NE(trained.err.find("without caches, slowly: "), std::string::npos) << trained.err;
  EXPECT_NE(trained.err.find("step 1: "), std::string::npos) << trained.err;
  const std::vector<std::string> arguments = {
      "generate", "--model", path("bare"), "-p", "The ship", "-n", "30", "-s", "1", "-t", "1"};
  const ProgramResult result = expect_success(arguments, program);
  EXPECT_EQ(result.out.rfind("The ship", 0), 0U);
  EXPECT_NE(result.err.find("each token reads the whole text again: "), std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("without_caches.cpp"), std::string::npos) << result.err;
  expect_error({"--dump-ir", "--graph", "decode", "--model", path("bare")},
               {"cannot run on new positions"}, program);
}

TEST(OwnModel, StandsInTheReadmeAsItIs) {
  const std::string readme = content_of(GPTC_SOURCE_DIR "/README.md");
  const std::string source = content_of(GPTC_SOURCE_DIR "/tools/examples/own_model.cpp");
  ASSERT_FALSE(source.empty());
  EXPECT_LE(std::count(source.begin(), source.end(), '\n'), 40);
  EXPECT_NE(readme.find("```cpp\n" + source + "```"), std::string::npos);
}

}  // namespace
}  // namespace gptc::testing

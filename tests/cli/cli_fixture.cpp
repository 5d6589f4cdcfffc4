#include "tests/cli/cli_fixture.h"

#include <algorithm>

namespace gptc::testing {

TempFolder* CliTest::shared_ = nullptr;

void CliTest::SetUpTestSuite() {
  shared_ = new TempFolder;
  std::string text;
  for (int i = 0; i < 400; ++i)
    text += "The ship " + std::to_string(i) + " sailed; the whale swam away, again and again.\n";
  static_cast<void>(shared_->with("text.txt", text));
  expect_success({"tokenizer", "learn", "--in", path("text.txt"), "--vocab-size", "300", "--out",
                  path("tokenizer")});
  expect_success(training("run", {"--max-steps", "3"}));
}

void CliTest::TearDownTestSuite() {
  delete shared_;
  shared_ = nullptr;
}

std::vector<std::string> CliTest::training(const std::string& out,
                                           const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"train",
                                        "--model",
                                        "gpt2-nano",
                                        "--set",
                                        "n_layer=1",
                                        "--set",
                                        "n_head=2",
                                        "--set",
                                        "n_embd=16",
                                        "--set",
                                        "context=16",
                                        "--data",
                                        path("text.txt"),
                                        "--tokenizer",
                                        path("tokenizer"),
                                        "--out",
                                        path(out),
                                        "--batch",
                                        "2",
                                        "--threads",
                                        "1",
                                        "--eval-windows",
                                        "8"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

void CliTest::expect_error(const std::vector<std::string>& arguments,
                           const std::vector<std::string>& parts, const ProgramOptions& options) {
  const ProgramResult result = run_program(arguments, options);
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_EQ(result.err.rfind("gptc: error: ", 0), 0U) << result.err;
  for (const std::string& part : parts)
    EXPECT_NE(result.err.find(part), std::string::npos) << part << " in " << result.err;
}

ProgramResult CliTest::expect_success(const std::vector<std::string>& arguments,
                                      const ProgramOptions& options) {
  ProgramResult result = run_program(arguments, options);
  EXPECT_EQ(result.status, 0) << result.err;
  return result;
}

}  // namespace gptc::testing

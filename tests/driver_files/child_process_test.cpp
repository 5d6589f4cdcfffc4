#include "tools/driver/child_process.h"

#include <gtest/gtest.h>

namespace gptc::driver {
namespace {

TEST(RunChild, PassesInputAndOutputOfAnySize) {
  const std::string large(3'000'000, 'x');
  const ChildResult result = run_child({"cat"}, large);
  EXPECT_TRUE(result.found);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, large);
  EXPECT_EQ(result.errors, "");
}

TEST(RunChild, ArgumentsReachTheProgramAsTheyAre) {
  const ChildResult result = run_child({"printf", "%s|", "a b", "$HOME", "'; exit 3"}, "");
  EXPECT_EQ(result.output, "a b|$HOME|'; exit 3|");
}

TEST(RunChild, SeparatesErrorsAndTellsTheExitCode) {
  const ChildResult result = run_child({"sh", "-c", "echo out; echo err >&2; exit 7"}, "");
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.errors, "err\n");
  EXPECT_EQ(result.exit_code, 7);
}

TEST(RunChild, ASignalIsNoExitCode) {
  const ChildResult result = run_child({"sh", "-c", "kill -KILL $$"}, "");
  EXPECT_TRUE(result.found);
  EXPECT_EQ(result.exit_code, -1);
}

TEST(RunChild, KnowsWhenThereIsNoSuchProgram) {
  EXPECT_FALSE(run_child({"gptc-no-such-program"}, "input").found);
}

}  // namespace
}  // namespace gptc::driver

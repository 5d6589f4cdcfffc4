#include "tools/driver/commands/suggest.h"

#include <gtest/gtest.h>

namespace gptc::driver {
namespace {

const std::vector<std::string> flags = {"--batch", "--max-steps", "--model"};

TEST(Suggest, FindsTheNearestName) {
  EXPECT_EQ(nearest("--bacth", flags), "--batch");
  EXPECT_EQ(nearest("--max-step", flags), "--max-steps");
  EXPECT_EQ(nearest("--modle", flags), "--model");
}

TEST(Suggest, SaysNothingWhereNothingIsNear) {
  EXPECT_EQ(nearest("--verbose-logging", flags), "");
  EXPECT_EQ(nearest("", flags), "");
}

}  // namespace
}  // namespace gptc::driver

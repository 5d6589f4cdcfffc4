#include "tools/driver/lr_schedule.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gptc::driver {
namespace {

TEST(LrSchedule, WarmsUpFromTheFirstStepOn) {
  const LrSchedule schedule = {.lr = 1.0, .min_lr = 0.1, .warmup_steps = 4, .decay_steps = 10};
  EXPECT_DOUBLE_EQ(schedule.at(0), 0.2);
  EXPECT_DOUBLE_EQ(schedule.at(3), 0.8);
  EXPECT_DOUBLE_EQ(schedule.at(4), 1.0);
}

TEST(LrSchedule, CosineReachesTheMinimumAndStaysThere) {
  const LrSchedule schedule = {.lr = 1.0, .min_lr = 0.1, .warmup_steps = 4, .decay_steps = 10};
  EXPECT_NEAR(schedule.at(7), 0.55, 1e-12);  // half way
  EXPECT_NEAR(schedule.at(5), 0.1 + 0.9 * 0.5 * (1 + std::cos(std::acos(-1.0) / 6)), 1e-12);
  EXPECT_DOUBLE_EQ(schedule.at(10), 0.1);
  EXPECT_DOUBLE_EQ(schedule.at(1000), 0.1);
}

TEST(LrSchedule, LinearAndConstant) {
  LrSchedule schedule = {.lr = 2.0, .min_lr = 0.0, .decay_steps = 4, .decay = Decay::linear};
  EXPECT_DOUBLE_EQ(schedule.at(0), 2.0);
  EXPECT_DOUBLE_EQ(schedule.at(1), 1.5);
  EXPECT_DOUBLE_EQ(schedule.at(4), 0.0);
  schedule.decay = Decay::constant;
  EXPECT_DOUBLE_EQ(schedule.at(4000), 2.0);
}

TEST(LrSchedule, WarmUpLongerThanTheRunNeverDividesByZero) {
  const LrSchedule schedule = {.lr = 1.0, .min_lr = 0.1, .warmup_steps = 10, .decay_steps = 10};
  EXPECT_DOUBLE_EQ(schedule.at(9), 10.0 / 11.0);
  EXPECT_DOUBLE_EQ(schedule.at(10), 0.1);
}

}  // namespace
}  // namespace gptc::driver

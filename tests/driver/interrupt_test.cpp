#include "tools/driver/interrupt.h"

#include <gtest/gtest.h>

#include <csignal>

namespace gptc::driver {
namespace {

TEST(Interrupt, TheFirstIsAWish) {
  const Interrupt interrupt;
  EXPECT_FALSE(interrupt.asked());
  std::raise(SIGTERM);
  EXPECT_TRUE(interrupt.asked());
}

TEST(Interrupt, ANewOneForgets) {
  {
    const Interrupt interrupt;
    std::raise(SIGINT);
    EXPECT_TRUE(interrupt.asked());
  }
  EXPECT_FALSE(Interrupt().asked());
}

TEST(InterruptDeathTest, TheSecondEndsTheProgram) {
  const auto twice = [] {
    const Interrupt interrupt;
    std::raise(SIGINT);
    std::raise(SIGINT);
  };
  EXPECT_EXIT(twice(), ::testing::ExitedWithCode(130), "");
}

TEST(InterruptDeathTest, WithoutOneASignalDoesWhatItDidBefore) {
  const auto after = [] {
    { const Interrupt interrupt; }
    std::raise(SIGTERM);
  };
  EXPECT_EXIT(after(), ::testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace gptc::driver

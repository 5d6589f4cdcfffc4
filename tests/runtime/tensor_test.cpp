#include "backends/runtime/tensor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "ir/check.h"

namespace gptc::runtime {

namespace {

TEST(Tensor, StartsAsZeros) {
  Tensor tensor({ir::DType::f32, {3, 5}});
  EXPECT_EQ(tensor.view().bytes(), 60);
  for (const float x : tensor.as<float>()) EXPECT_EQ(x, 0);
  tensor.as<float>()[14] = 2;
  EXPECT_EQ(tensor.view().as<float>()[14], 2);
}

TEST(Tensor, ElementsMustFit) {
  Tensor tensor({ir::DType::bf16, {4}});
  EXPECT_EQ(tensor.as<std::uint16_t>().size(), 4U);
  EXPECT_THROW(tensor.as<float>(), ir::InternalError);
}

TEST(Tensor, AScalarHasOneElement) {
  Tensor tensor({ir::DType::i64, {}});
  EXPECT_EQ(tensor.as<std::int64_t>().size(), 1U);
}

TEST(Bf16, RoundsToNearestEven) {
  EXPECT_EQ(f32_to_bf16(1.0F), 0x3f80);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f808000U)), 0x3f80);  // a tie, to even
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f808001U)), 0x3f81);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f818000U)), 0x3f82);  // a tie, to even
  EXPECT_EQ(f32_to_bf16(-2.0F), 0xc000);
}

TEST(Bf16, Extremes) {
  const float infinite = std::numeric_limits<float>::infinity();
  EXPECT_EQ(bf16_to_f32(f32_to_bf16(infinite)), infinite);
  EXPECT_EQ(bf16_to_f32(f32_to_bf16(std::numeric_limits<float>::max())), infinite);
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0x7f800001U)))));
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0xffffffffU)))));
  EXPECT_TRUE(std::signbit(bf16_to_f32(f32_to_bf16(-0.0F))));
}

TEST(Bf16, EveryValueSurvives) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = bf16_to_f32(static_cast<std::uint16_t>(bits));
    if (std::isnan(value)) continue;
    EXPECT_EQ(f32_to_bf16(value), bits);
  }
}

}  // namespace

}  // namespace gptc::runtime

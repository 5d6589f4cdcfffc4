#include "frontend/formats/number.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace gptc::formats {
namespace {

/// What the 16 bits mean, from the definition of binary16.
double f16_by_definition(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const double fraction = bits & 1023;
  const double size = exponent == 31  ? (fraction == 0 ? INFINITY : NAN)
                      : exponent == 0 ? std::ldexp(fraction, -24)
                                      : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -size : size;
}

TEST(F16, EveryValueIsTheDefinitions) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const double wanted = f16_by_definition(half);
    const double got = static_cast<double>(f16_to_f32(half));
    ASSERT_TRUE(got == wanted || (std::isnan(got) && std::isnan(wanted))) << bits;
    if (std::isnan(wanted)) continue;
    ASSERT_EQ(f32_to_f16(f16_to_f32(half)), half) << bits;
  }
  EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(F16, NarrowingTakesTheNearestAndOfTwoTheEven) {
  for (std::uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const auto low = static_cast<std::uint16_t>(bits);
    const auto high = static_cast<std::uint16_t>(bits + 1);
    const float middle = (f16_to_f32(low) + f16_to_f32(high)) / 2;  // exact in f32
    ASSERT_EQ(f32_to_f16(middle), bits % 2 == 0 ? low : high) << bits;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 0.0F)), low) << bits;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 1e9F)), high) << bits;
    ASSERT_EQ(f32_to_f16(-std::nextafter(middle, 1e9F)), high | 0x8000) << bits;
  }
  EXPECT_EQ(f32_to_f16(65519.9F), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0F), 0x7c00);
  EXPECT_EQ(f32_to_f16(1e30F), 0x7c00);
  EXPECT_EQ(f32_to_f16(1e-30F), 0);
}

TEST(Bf16, NarrowingTakesTheNearestAndOfTwoTheEven) {
  for (std::uint32_t bits = 0; bits < 0x7f7f; ++bits) {
    const auto low = static_cast<std::uint16_t>(bits);
    ASSERT_EQ(f32_to_bf16(bf16_to_f32(low)), low);
    const float middle = std::bit_cast<float>(bits << 16 | 0x8000U);
    ASSERT_EQ(f32_to_bf16(middle), bits % 2 == 0 ? low : low + 1) << bits;
    ASSERT_EQ(f32_to_bf16(std::nextafter(middle, 0.0F)), low) << bits;
  }
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(Floats, AreReadFromAnyAddress) {
  std::vector<std::byte> bytes(1 + 3 * sizeof(float));
  const std::vector<float> values = {1.5F, -2.0F, 0.25F};
  for (const auto& [type, encoding] :
       {std::pair{DType::F32, Encoding::F32}, std::pair{DType::F16, Encoding::F16},
        std::pair{DType::BF16, Encoding::BF16}}) {
    const auto stored = std::span(bytes).subspan(1, 3 * block_bytes(encoding));
    encode_floats(encoding, values, stored);
    std::vector<float> again(3);
    read_floats(type, stored, again);
    EXPECT_EQ(again, values) << name(encoding);
  }
}

TEST(Floats, AreAllFiniteOrNot) {
  constexpr std::size_t count = 67;  // more than any vector, and no multiple
  for (const auto& [type, encoding] :
       {std::pair{DType::F32, Encoding::F32}, std::pair{DType::F16, Encoding::F16},
        std::pair{DType::BF16, Encoding::BF16}}) {
    std::vector<std::byte> bytes(1 + count * block_bytes(encoding));
    const auto stored = std::span(bytes).subspan(1);
    std::vector<float> values(count, -60000.0F);
    encode_floats(encoding, values, stored);
    EXPECT_TRUE(all_finite(type, stored)) << name(encoding);
    for (std::size_t i = 0; i < count; ++i) {
      for (const float bad : {INFINITY, -INFINITY, NAN}) {
        values[i] = bad;
        encode_floats(encoding, values, stored);
        EXPECT_FALSE(all_finite(type, stored)) << name(encoding) << ' ' << i << ' ' << bad;
      }
      values[i] = 1e-7F;
    }
  }
}

/// Of a block: the binary16 that it begins with.
float scale_of(const std::byte* block) {
  return f16_to_f32(static_cast<std::uint16_t>(std::to_integer<unsigned>(block[0]) |
                                               std::to_integer<unsigned>(block[1]) << 8));
}

TEST(Q8_0, IsWithinHalfAStepOfItsBlocksScale) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> values(96);
  for (float& x : values) x = normal(random);
  std::fill_n(values.begin() + 64, 32, 0.0F);
  std::vector<std::byte> bytes(values.size() / 32 * block_bytes(Encoding::Q8_0));
  encode_floats(Encoding::Q8_0, values, bytes);
  for (std::size_t block = 0; block < 3; ++block) {
    const std::byte* at = bytes.data() + block * 34;
    const float scale = scale_of(at);
    for (std::size_t i = 0; i < 32; ++i) {
      const float got = scale * static_cast<float>(std::to_integer<std::int8_t>(at[2 + i]));
      // Half a step, and what rounding the scale to 11 bits moves 127 steps by.
      EXPECT_NEAR(got, values[block * 32 + i], scale * (0.5F + 127.0F / 2048.0F) + 1e-9F);
    }
  }
}

TEST(Q4_0, IsWithinAStepOfItsBlocksScale) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  std::vector<float> values(96);
  for (float& x : values) x = normal(random);
  std::fill_n(values.begin() + 64, 32, 0.0F);
  constexpr std::size_t block_size = 18;
  ASSERT_EQ(block_bytes(Encoding::Q4_0), block_size);
  std::vector<std::byte> bytes(values.size() / 32 * block_size);
  encode_floats(Encoding::Q4_0, values, bytes);
  for (std::size_t block = 0; block < 3; ++block) {
    const std::byte* at = bytes.data() + block * block_size;
    const float scale = scale_of(at);
    for (std::size_t i = 0; i < 32; ++i) {
      const unsigned both = std::to_integer<unsigned>(at[2 + i % 16]);
      const float got = scale * (static_cast<float>(i < 16 ? both & 15U : both >> 4) - 8.0F);
      // Half a step, a whole one on the side that has 7 steps only; and the scale's own rounding.
      EXPECT_NEAR(got, values[block * 32 + i], std::fabs(scale) * 1.01F + 1e-9F);
    }
  }
}

}  // namespace
}  // namespace gptc::formats

// NaN, infinities and the ends of the range through every elementwise function.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "backends/onednn/rows.h"

namespace gptc::testing {
namespace {

using ir::OpKind;

constexpr float infinity = std::numeric_limits<float>::infinity();

std::vector<float> apply(OpKind op, std::vector<float> x) {
  std::vector<float> y(x.size());
  const auto size = static_cast<std::int64_t>(x.size());
  const onednn::RowArg from{x.data(), size, 1};
  const onednn::RowArg to[] = {{y.data(), size, 1}, {}};
  const onednn::RowParams params;
  onednn::find_row_op(op)->run(
      {.operands = &from, .results = to, .rows = 1, .cols = size, .params = &params});
  return y;
}

void expect_function(OpKind op, double (*want)(double), double relative) {
  std::vector<float> x = {NAN,   infinity, -infinity, 0.0F,   -0.0F,   1e-30F, -1e-30F,
                          88.7F, 89.5F,    200.0F,    -80.0F, -120.0F, -1e30F, 1e30F};
  for (int step = 0; step < 1752; ++step) x.push_back(-12.0F + 0.0137F * static_cast<float>(step));
  const std::vector<float> y = apply(op, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto exact = static_cast<float>(want(static_cast<double>(x[i])));
    if (std::isnan(exact) || std::isinf(exact)) {
      EXPECT_TRUE(std::isnan(exact) ? std::isnan(y[i]) : y[i] == exact) << x[i] << " -> " << y[i];
    } else {
      EXPECT_NEAR(y[i], exact, relative * std::abs(static_cast<double>(exact)) + 1e-37) << x[i];
    }
  }
}

TEST(SpecialValues, OfFunctions) {
  expect_function(
      OpKind::exp, [](double x) { return std::exp(x); }, 5e-7);
  expect_function(
      OpKind::log, [](double x) { return std::log(x); }, 5e-7);
  expect_function(
      OpKind::tanh, [](double x) { return std::tanh(x); }, 1e-6);
  expect_function(
      OpKind::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, 1e-6);
  expect_function(
      OpKind::sqrt, [](double x) { return std::sqrt(x); }, 2e-7);
  expect_function(
      OpKind::rsqrt, [](double x) { return 1 / std::sqrt(x); }, 3e-7);
  expect_function(
      OpKind::neg, [](double x) { return -x; }, 0);
  expect_function(
      OpKind::step, [](double x) { return x > 0 ? 1.0 : 0.0; }, 0);
}

TEST(SpecialValues, GeluFarOut) {
  const std::vector<float> y = apply(OpKind::gelu, {NAN, 50.0F, 1e15F, -50.0F, -1e15F, 0.0F});
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ(y[1], 50.0F);
  EXPECT_EQ(y[2], 1e15F);
  for (std::size_t i = 3; i < y.size(); ++i) EXPECT_EQ(y[i], 0.0F);
}

TEST(SpecialValues, NaNSurvivesMaximaAndRelu) {
  for (const std::size_t at : {0U, 5U, 16U, 40U, 99U}) {
    std::vector<float> x(100, 1.0F);
    x[at] = NAN;
    EXPECT_TRUE(std::isnan(apply(OpKind::reduce_max, x)[0])) << at;
    EXPECT_TRUE(std::isnan(apply(OpKind::relu, x)[at])) << at;
  }
}

}  // namespace
}  // namespace gptc::testing

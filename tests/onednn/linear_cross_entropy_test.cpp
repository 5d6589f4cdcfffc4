#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ir/check.h"
#include "tests/onednn/one_node.h"

namespace gptc::testing {
namespace {

using ir::DType;
using ir::OpKind;
using ir::Shape;

struct Sizes {
  std::int64_t rows, channels, vocabulary;
};

std::vector<ir::Type> operand_types(const Sizes& s) {
  return {{DType::f32, Shape{s.rows, s.channels}},
          {DType::f32, Shape{s.vocabulary, s.channels}},
          {DType::i32, Shape{s.rows}}};
}

void fill(OneNode& node, const Sizes& s) {
  node.fill(0, 1);
  node.fill(1, 2);
  const auto targets = node.operand<std::int32_t>(2);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto target = static_cast<std::int64_t>(i * 7919 + 3) % s.vocabulary;
    targets[i] = i % 5 == 2 ? -1 : static_cast<std::int32_t>(target);
  }
}

struct Naive {
  double loss = 0;
  std::vector<double> dx, dw;

  Naive(OneNode& node, const Sizes& s, double dloss)
      : dx(node.operand(0).size()), dw(node.operand(1).size()) {
    for (std::int64_t row = 0; row < s.rows; ++row) add_row(node, s, row, dloss);
  }

  void add_row(OneNode& node, const Sizes& s, std::int64_t row, double dloss) {
    const auto target = node.operand<std::int32_t>(2)[static_cast<std::size_t>(row)];
    if (target < 0) return;
    const auto x = node.operand(0).subspan(static_cast<std::size_t>(row * s.channels));
    const auto w = node.operand(1);
    const auto channels = static_cast<std::size_t>(s.channels);
    std::vector<double> logits(static_cast<std::size_t>(s.vocabulary));
    double sum = 0;
    for (std::size_t v = 0; v < logits.size(); ++v) {
      for (std::size_t c = 0; c < channels; ++c)
        logits[v] += static_cast<double>(x[c]) * static_cast<double>(w[v * channels + c]);
      sum += std::exp(logits[v]);
    }
    loss += std::log(sum) - logits[static_cast<std::size_t>(target)];
    for (std::size_t v = 0; v < logits.size(); ++v) {
      const double hit = static_cast<std::int64_t>(v) == target ? 1 : 0;
      const double p = dloss * (std::exp(logits[v]) / sum - hit);
      for (std::size_t c = 0; c < channels; ++c) {
        dx[static_cast<std::size_t>(row) * channels + c] +=
            p * static_cast<double>(w[v * channels + c]);
        dw[v * channels + c] += p * static_cast<double>(x[c]);
      }
    }
  }
};

class LinearCrossEntropy : public ::testing::TestWithParam<Sizes> {};

TEST_P(LinearCrossEntropy, LossAndGradientsEqualLoopsForAnyThreads) {
  const Sizes& s = GetParam();
  for (const int threads : {1, 2}) {
    OneNode loss(OpKind::linear_cross_entropy, operand_types(s), {}, {.threads = threads});
    auto types = operand_types(s);
    types.push_back({DType::f32, Shape{}});
    OneNode grad(OpKind::linear_cross_entropy_grad, types, {}, {.threads = threads});
    fill(loss, s);
    fill(grad, s);
    grad.operand(3)[0] = 0.375F;
    loss.run();
    grad.run();
    const Naive want(grad, s, 0.375);
    expect_close(loss.result(0), {want.loss}, 1e-5);
    expect_close(grad.result(0), {want.loss}, 1e-5);
    expect_close(grad.result(1), want.dx, 1e-5);
    expect_close(grad.result(2), want.dw, 1e-5);
    // The contents of the workspace and of dw must not matter.
    const std::vector<float> dw(grad.result(2).begin(), grad.result(2).end());
    grad.run();
    EXPECT_TRUE(std::ranges::equal(dw, grad.result(2)));
  }
}

INSTANTIATE_TEST_SUITE_P(All, LinearCrossEntropy,
                         ::testing::Values(Sizes{1, 3, 2}, Sizes{7, 5, 33}, Sizes{255, 8, 65},
                                           Sizes{256, 16, 1024}, Sizes{511, 24, 100},
                                           Sizes{513, 20, 77}, Sizes{1030, 12, 301}));

TEST(LinearCrossEntropy, RefusesTargetsOutsideTheVocabulary) {
  const Sizes s{3, 4, 5};
  OneNode node(OpKind::linear_cross_entropy, operand_types(s), {}, {.threads = 1});
  fill(node, s);
  node.operand<std::int32_t>(2)[1] = 5;
  try {
    node.run();
    FAIL() << "no error";
  } catch (const ir::UserError& error) {
    EXPECT_STREQ(error.what(),
                 "linear_cross_entropy: a target must be below 5, but got 5 at position 1");
  }
}

}  // namespace
}  // namespace gptc::testing

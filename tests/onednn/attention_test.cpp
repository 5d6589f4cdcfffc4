#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>

#include "backends/runtime/philox.h"
#include "tests/onednn/one_node.h"

namespace gptc::testing {
namespace {

using ir::DType;
using ir::OpKind;
using ir::Shape;

struct Case {
  std::int64_t batch, heads, queries, keys, size;
  bool causal;
  double p;
};

constexpr std::uint64_t rng_key = 0x1234567890abcdef;
constexpr std::int64_t counter = 0x700000003;

ir::Attrs attrs_of(const Case& c) {
  return {{"heads", c.heads},
          {"scale", 1 / std::sqrt(static_cast<double>(c.size))},
          {"causal", c.causal},
          {"p", c.p},
          {"rng_key", rng_key}};
}

ir::Type like(const Case& c, std::int64_t positions) {
  return {DType::f32, Shape{c.batch, positions, c.heads * c.size}};
}

/// All of it by the definition, in double precision.
struct Naive {
  std::vector<double> y, lse, dq, dk, dv;

  Naive(const Case& c, std::span<const float> q, std::span<const float> k, std::span<const float> v,
        std::span<const float> dy)
      : y(q.size()),
        lse(static_cast<std::size_t>(c.batch * c.heads * c.queries)),
        dq(q.size()),
        dk(k.size()),
        dv(k.size()) {
    for (std::int64_t b = 0; b < c.batch; ++b)
      for (std::int64_t h = 0; h < c.heads; ++h)
        for (std::int64_t i = 0; i < c.queries; ++i) row(c, b, h, i, q, k, v, dy);
  }

  void row(const Case& c, std::int64_t b, std::int64_t h, std::int64_t i, std::span<const float> q,
           std::span<const float> k, std::span<const float> v, std::span<const float> dy) {
    const auto at = [&](std::int64_t positions, std::int64_t position, std::int64_t d) {
      return static_cast<std::size_t>((b * positions + position) * c.heads * c.size + h * c.size +
                                      d);
    };
    const double scale = 1 / std::sqrt(static_cast<double>(c.size));
    const std::int64_t seen = c.causal ? i + 1 + c.keys - c.queries : c.keys;
    const auto count = static_cast<std::size_t>(seen);
    const auto statistic = static_cast<std::size_t>((b * c.heads + h) * c.queries + i);
    std::vector<double> scores(count);
    double sum = 0;
    for (std::int64_t j = 0; j < seen; ++j) {
      double& score = scores[static_cast<std::size_t>(j)];
      for (std::int64_t d = 0; d < c.size; ++d)
        score += scale * static_cast<double>(q[at(c.queries, i, d)] * k[at(c.keys, j, d)]);
      sum += std::exp(score);
    }
    lse[statistic] = std::log(sum);
    std::vector<double> keep(count, 1.0);
    std::vector<double> dp(count);
    double mean = 0;
    for (std::int64_t j = 0; j < seen; ++j) {
      const auto js = static_cast<std::size_t>(j);
      const auto element = statistic * static_cast<std::size_t>(c.keys) + js;
      if (c.p > 0) {
        const bool kept =
            runtime::philox_word(element, counter, rng_key) >= runtime::keep_threshold(c.p);
        keep[js] = kept ? 1 / (1 - c.p) : 0;
      }
      const double p = std::exp(scores[js] - lse[statistic]);
      for (std::int64_t d = 0; d < c.size; ++d) {
        const auto vd = static_cast<double>(v[at(c.keys, j, d)]);
        const auto dyd = static_cast<double>(dy[at(c.queries, i, d)]);
        y[at(c.queries, i, d)] += p * keep[js] * vd;
        dv[at(c.keys, j, d)] += p * keep[js] * dyd;
        dp[js] += keep[js] * dyd * vd;
      }
      mean += p * dp[js];
    }
    for (std::int64_t j = 0; j < seen; ++j) {
      const auto js = static_cast<std::size_t>(j);
      const double ds = std::exp(scores[js] - lse[statistic]) * (dp[js] - mean) * scale;
      for (std::int64_t d = 0; d < c.size; ++d) {
        dq[at(c.queries, i, d)] += ds * static_cast<double>(k[at(c.keys, j, d)]);
        dk[at(c.keys, j, d)] += ds * static_cast<double>(q[at(c.queries, i, d)]);
      }
    }
  }
};

/// Forward and gradient against the loops; all their results one behind the other.
std::vector<float> check_attention(const Case& c, int threads) {
  const ir::Type statistic{DType::f32, Shape{c.batch, c.heads, c.queries}};
  std::vector<ir::Type> forward = {like(c, c.queries), like(c, c.keys), like(c, c.keys)};
  std::vector<ir::Type> backward = {forward[0], forward[1], forward[2],
                                    forward[0], statistic,  forward[0]};
  if (c.p > 0) {
    forward.push_back({DType::i64, Shape{}});
    backward.push_back({DType::i64, Shape{}});
  }
  OneNode attention(OpKind::attention, forward, attrs_of(c), {.threads = threads});
  OneNode grad(OpKind::attention_grad, backward, attrs_of(c), {.threads = threads});
  for (unsigned i = 0; i < 3; ++i) {
    attention.fill(i, i, 2.F);
    grad.fill(i, i, 2.F);
  }
  grad.fill(5, 9);
  if (c.p > 0) {
    attention.operand<std::int64_t>(3)[0] = counter;
    grad.operand<std::int64_t>(6)[0] = counter;
  }
  attention.run();
  std::ranges::copy(attention.result(0), grad.operand(3).begin());
  std::ranges::copy(attention.result(1), grad.operand(4).begin());
  grad.run();

  const Naive want(c, grad.operand(0), grad.operand(1), grad.operand(2), grad.operand(5));
  expect_close(attention.result(0), want.y, 2e-5);
  expect_close(attention.result(1), want.lse, 2e-5);
  expect_close(grad.result(0), want.dq, 5e-5);
  expect_close(grad.result(1), want.dk, 5e-5);
  expect_close(grad.result(2), want.dv, 5e-5);
  std::vector<float> all;
  for (const auto part :
       {attention.result(0), attention.result(1), grad.result(0), grad.result(1), grad.result(2)})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

class Attention : public ::testing::TestWithParam<Case> {};

TEST_P(Attention, ForwardAndGradientEqualLoopsForAnyThreads) {
  EXPECT_EQ(check_attention(GetParam(), 1), check_attention(GetParam(), 3))
      << "the number of threads changes bits";
}

/// Machines without AVX-512 take other code; here each is made to believe it is all there is.
TEST(Attention, EveryInstructionSetEqualsLoops) {
  const std::int64_t targets = hwy::SupportedTargets();
  for (std::int64_t rest = targets; rest != 0; rest &= rest - 1) {
    hwy::SetSupportedTargetsForTest(rest);
    check_attention({1, 2, 70, 101, 20, true, 0.25}, 1);
  }
  hwy::SetSupportedTargetsForTest(0);
}

INSTANTIATE_TEST_SUITE_P(
    All, Attention,
    ::testing::Values(Case{1, 1, 1, 1, 1, true, 0}, Case{2, 3, 5, 5, 7, true, 0},
                      Case{1, 2, 64, 64, 64, true, 0}, Case{1, 2, 65, 65, 16, true, 0.25},
                      Case{2, 2, 200, 200, 24, true, 0}, Case{1, 3, 130, 130, 64, true, 0.1},
                      Case{1, 2, 97, 97, 12, false, 0}, Case{1, 2, 20, 150, 33, false, 0.5},
                      Case{1, 2, 150, 20, 33, false, 0}, Case{1, 2, 70, 101, 20, true, 0},
                      Case{2, 1, 16, 300, 40, true, 0.3}, Case{1, 1, 1, 129, 64, true, 0},
                      Case{1, 2, 67, 131, 80, true, 0.2}));

TEST(Attention, LargeScoresStayFinite) {
  const Case c{1, 1, 80, 80, 16, true, 0};
  OneNode attention(OpKind::attention, {like(c, 80), like(c, 80), like(c, 80)}, attrs_of(c),
                    {.threads = 1});
  for (unsigned i = 0; i < 3; ++i) attention.fill(i, i, i < 2 ? 60.F : 1.F);
  attention.run();
  for (const float value : attention.result(0)) ASSERT_LE(std::abs(value), 1.001F);
}

/// Clipping tells a broken step by it.
TEST(Attention, NaNReachesWhoSeesItAlone) {
  const Case c{1, 1, 80, 80, 16, true, 0};
  constexpr std::int64_t queried = 20;
  constexpr std::int64_t seen_from = 70;
  const std::int64_t targets = hwy::SupportedTargets();
  for (std::int64_t rest = targets; rest != 0; rest &= rest - 1) {
    hwy::SetSupportedTargetsForTest(rest);
    OneNode attention(OpKind::attention, {like(c, 80), like(c, 80), like(c, 80)}, attrs_of(c),
                      {.threads = 1});
    for (unsigned i = 0; i < 3; ++i) attention.fill(i, i, 2.F);
    attention.operand(0)[static_cast<std::size_t>(queried * c.size + 3)] = std::nanf("0x80");
    attention.operand(1)[static_cast<std::size_t>(seen_from * c.size + 5)] = std::nanf("");
    attention.run();
    for (std::int64_t query = 0; query < c.queries; ++query) {
      const bool wanted = query == queried || query >= seen_from;
      for (std::int64_t i = 0; i < c.size; ++i) {
        const float value = attention.result(0)[static_cast<std::size_t>(query * c.size + i)];
        ASSERT_EQ(std::isnan(value), wanted)
            << "query " << query << ", element " << i << ", " << hwy::TargetName(rest & -rest);
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace
}  // namespace gptc::testing

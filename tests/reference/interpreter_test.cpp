// The oracle itself, against numbers worked out by hand.
#include "backends/reference/interpreter.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ir/builder.h"
#include "ir/check.h"
#include "tests/support/op_case.h"

namespace gptc::reference {

namespace {

using ir::OpKind;
using testing::type_of;
using Doubles = std::vector<double>;

HostTensor<double> reals(const char* type, Doubles values) {
  HostTensor<double> tensor(type_of(type));
  tensor.reals = std::move(values);
  return tensor;
}

HostTensor<double> ints(const char* type, std::vector<std::int64_t> values) {
  HostTensor<double> tensor(type_of(type));
  tensor.ints = std::move(values);
  return tensor;
}

/// Results of one op.
std::vector<HostTensor<double>> apply(OpKind op, const std::vector<HostTensor<double>>& operands,
                                      ir::Attrs attrs = {}) {
  ir::Graph graph("op");
  std::vector<ir::Value> values;
  std::vector<const HostTensor<double>*> pointers;
  for (const HostTensor<double>& operand : operands) {
    values.push_back(graph.add_input("a" + std::to_string(values.size()), operand.type));
    pointers.push_back(&operand);
  }
  ir::Builder builder(graph);
  builder.set_origin({.scope = "h.0", .file = "model.cpp", .line = 3});
  const ir::NodeId node = builder.node(op, values, std::move(attrs));
  return evaluate<double>(graph[node], pointers);
}

void expect_near(const Doubles& got, const Doubles& want, double tolerance = 1e-12) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], tolerance) << i;
}

TEST(Reference, Matmul) {
  const auto a = reals("f32[2x3]", {1, 2, 3, 4, 5, 6});
  const auto b = reals("f32[3x2]", {1, 0, 0, 1, 1, 1});
  EXPECT_EQ(apply(OpKind::matmul, {a, b})[0].reals, (Doubles{4, 5, 10, 11}));
  EXPECT_EQ(apply(OpKind::matmul, {a, a}, {{"transpose_b", true}})[0].reals,
            (Doubles{14, 32, 32, 77}));
  EXPECT_EQ(apply(OpKind::matmul, {a, a}, {{"transpose_a", true}})[0].reals,
            (Doubles{17, 22, 27, 22, 29, 36, 27, 36, 45}));
}

TEST(Reference, GeluIsTheTanhForm) {
  const auto y = apply(OpKind::gelu, {reals("f32[3]", {-1, 0, 2})})[0].reals;
  expect_near(y, {-0.15880800939172324, 0, 1.9545976940877750}, 1e-15);
}

TEST(Reference, Shift) {
  const auto x = reals("f32[4]", {1, 2, 3, 4});
  EXPECT_EQ(apply(OpKind::shift, {x}, {{"axis", 0}, {"by", 1}})[0].reals, (Doubles{0, 1, 2, 3}));
  EXPECT_EQ(apply(OpKind::shift, {x}, {{"axis", 0}, {"by", -3}})[0].reals, (Doubles{4, 0, 0, 0}));
  EXPECT_EQ(apply(OpKind::shift, {x}, {{"axis", 0}, {"by", 9}})[0].reals, (Doubles{0, 0, 0, 0}));
}

TEST(Reference, CausalMaskCountsFromTheLastKey) {
  const auto x = reals("f32[2x3]", {1, 1, 1, 1, 1, 1});
  EXPECT_EQ(apply(OpKind::causal_mask, {x}, {{"fill", -7.0}})[0].reals,
            (Doubles{1, 1, -7, 1, 1, 1}));
}

TEST(Reference, PickAndTargetsThatDoNotCount) {
  const auto x = reals("f32[2x3]", {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(apply(OpKind::pick, {x, ints("i32[2]", {2, -1})})[0].reals, (Doubles{3, 0}));
  EXPECT_EQ(apply(OpKind::token_count, {ints("i32[4]", {0, -1, 7, -100})})[0].reals, Doubles{2});
  const auto even = reals("f32[2x4]", Doubles(8, 0.5));
  expect_near(apply(OpKind::cross_entropy, {even, ints("i32[2]", {1, -1})})[0].reals,
              {std::log(4.0)});
}

TEST(Reference, LayerNormHasTheBiasedVariance) {
  const auto x = reals("f32[1x2]", {1, 3});
  const auto y = apply(OpKind::layer_norm, {x, reals("f32[2]", {2, 2}), reals("f32[2]", {1, 1})},
                       {{"eps", 3.0}});
  EXPECT_EQ(y[0].reals, (Doubles{0, 2}));
  EXPECT_EQ(y[1].reals, Doubles{2});
  EXPECT_EQ(y[2].reals, Doubles{0.5});
}

TEST(Reference, AttentionOfOneHeadByHand) {
  const auto q = reals("f32[1x2x1]", {1, 0});
  const auto k = reals("f32[1x2x1]", {0, std::log(3.0)});
  const auto v = reals("f32[1x2x1]", {4, 8});
  const ir::Attrs attrs = {{"heads", 1}, {"scale", 1.0}, {"causal", false}};
  const auto full = apply(OpKind::attention, {q, k, v}, attrs);
  expect_near(full[0].reals, {7, 6});  // weights 1/4, 3/4 and 1/2, 1/2
  expect_near(full[1].reals, {std::log(4.0), std::log(2.0)});
  ir::Attrs causal = attrs;
  causal.set("causal", true);
  expect_near(apply(OpKind::attention, {q, k, v}, causal)[0].reals, {4, 6});
}

TEST(Reference, AdamwFirstStepIsTheSign) {
  const auto zero = reals("f32[2]", {0, 0});
  const auto scalar = [](double value) { return reals("f32[]", {value}); };
  const ir::Attrs attrs = {{"weight_decay", 0.5}, {"eps", 1e-12}};
  const std::vector<HostTensor<double>> operands = {
      reals("f32[2]", {1, -1}), reals("f32[2]", {3, -5}), zero, zero, scalar(1), scalar(0.1),
      ints("i64[]", {0})};
  const auto updated = apply(OpKind::adamw, operands, attrs);
  expect_near(updated[0].reals, {1 - 0.05 - 0.1, -1 + 0.05 + 0.1}, 1e-9);
  expect_near(updated[1].reals, {0.3, -0.5});
  expect_near(updated[2].reals, {0.009, 0.025});
}

TEST(Reference, ClipScale) {
  const auto scale = [](double sum, double max_norm) {
    return apply(OpKind::clip_scale, {reals("f32[]", {sum})}, {{"max_norm", max_norm}})[0].reals[0];
  };
  EXPECT_NEAR(scale(16, 1), 0.25, 1e-6);
  EXPECT_EQ(scale(0.01, 1), 1);
  EXPECT_EQ(scale(16, 0), 1);
  EXPECT_TRUE(std::isnan(scale(INFINITY, 0)));
}

TEST(Reference, CastsTruncateAndRound) {
  const auto x = reals("f32[4]", {2.9, -2.9, 1e30, -1e30});
  EXPECT_EQ(apply(OpKind::cast, {x}, {{"dtype", ir::DType::i32}})[0].ints,
            (std::vector<std::int64_t>{2, -2, 2147483647, -2147483648}));
  const auto fine = reals("f32[2]", {1.00390625, 1.01171875});  // ties between two bf16
  EXPECT_EQ(apply(OpKind::cast, {fine}, {{"dtype", ir::DType::bf16}})[0].reals,
            (Doubles{1, 1.015625}));
}

std::string error_of(OpKind op, const std::vector<HostTensor<double>>& operands) {
  try {
    apply(op, operands);
  } catch (const ir::UserError& error) {
    return error.what();
  }
  return "none";
}

TEST(Reference, IdsOutOfRangeAreUserErrors) {
  const auto table = reals("f32[3x1]", {1, 2, 3});
  EXPECT_EQ(error_of(OpKind::embedding, {table, ints("i32[2]", {2, 3})}),
            "embedding: ids must be 0..2, but got 3 at element 1 in h.0");
  EXPECT_EQ(error_of(OpKind::embedding, {table, ints("i32[1]", {-1})}),
            "embedding: ids must be 0..2, but got -1 at element 0 in h.0");
  EXPECT_EQ(error_of(OpKind::pick, {table, ints("i32[3]", {0, -1, 1})}),
            "pick: ids must be negative (not counted) or 0..0, but got 1 at element 2 in h.0");
}

}  // namespace

}  // namespace gptc::reference

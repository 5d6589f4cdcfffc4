// Costs, row locality and the text of errors.
#include <gtest/gtest.h>

#include "ir/check.h"
#include "tests/ir_ops/cases.h"

namespace gptc::testing {
namespace {

using ir::Attrs;
using ir::Ints;
using ir::OpKind;
using ir::Shape;

double flops_of(const Case& op_case) {
  const Made made = make(op_case);
  return ir::flops(made.graph, made.node);
}

TEST(OpCosts, MatmulCountsTwoPerMultiplyAdd) {
  EXPECT_EQ(flops_of({OpKind::matmul, "f32[2x3x5] f32[5x4]", {}, ""}), 2 * 2 * 3 * 4 * 5);
  EXPECT_EQ(flops_of({OpKind::matmul,
                      "f32[5x3] f32[4x5]",
                      {{"transpose_a", true}, {"transpose_b", true}},
                      ""}),
            2 * 3 * 4 * 5);
}

TEST(OpCosts, CausalAttentionIsCountedOnce) {
  const std::string qkv = "f32[2x6x8] f32[2x6x8] f32[2x6x8]";
  const auto attrs = [](bool causal) {
    return Attrs{{"heads", 2}, {"scale", 0.5}, {"causal", causal}};
  };
  EXPECT_EQ(flops_of({OpKind::attention, qkv, attrs(false), ""}), 2 * 2 * 2 * 6 * 6 * 8);
  EXPECT_EQ(flops_of({OpKind::attention, qkv, attrs(true), ""}), 2 * 2 * 6 * 6 * 8);
  EXPECT_EQ(flops_of({OpKind::attention_grad, qkv + " f32[2x6x8] f32[2x2x6] f32[2x6x8]",
                      attrs(true), ""}),
            2 * (2 * 2 * 6 * 6 * 8));
}

TEST(OpCosts, LinearCrossEntropyIsOneProductAndItsGradientThree) {
  const std::string operands = "f32[2x3x4] f32[9x4] i32[2x3]";
  EXPECT_EQ(flops_of({OpKind::linear_cross_entropy, operands, {}, ""}), 2 * 6 * 4 * 9);
  EXPECT_EQ(flops_of({OpKind::linear_cross_entropy_grad, operands + " f32[]", {}, ""}),
            3 * 2 * 6 * 4 * 9);
}

TEST(OpCosts, BytesCountAnOperandOnce) {
  ir::Graph graph;
  ir::Builder builder(graph);
  const ir::Value x = graph.add_input("x", type_of("f32[5]"));
  const ir::Value square = builder.mul(x, x);
  EXPECT_EQ(ir::bytes(graph, square.node), 2 * 5 * 4);
  EXPECT_EQ(ir::flops(graph, square.node), 5);
}

bool row_local(const Case& op_case) {
  const Made made = make(op_case);
  return ir::is_row_local(made.graph, made.node);
}

TEST(RowLocal, DependsOnAttributes) {
  EXPECT_TRUE(row_local({OpKind::reduce_sum, "f32[2x3x4]", {{"axes", Ints{2}}}, ""}));
  EXPECT_FALSE(row_local({OpKind::reduce_sum, "f32[2x3x4]", {{"axes", Ints{1, 2}}}, ""}));
  EXPECT_FALSE(row_local({OpKind::reduce_max, "f32[2x3x4]", {{"axes", Ints{1}}}, ""}));
  EXPECT_TRUE(row_local({OpKind::reshape, "f32[2x3]", {{"shape", Shape{2, 3, 1}}}, ""}));
  EXPECT_TRUE(row_local({OpKind::reshape, "f32[2x3x1]", {{"shape", Shape{2, 3}}}, ""}));
  EXPECT_FALSE(row_local({OpKind::reshape, "f32[2x3]", {{"shape", Shape{3, 2}}}, ""}));
  EXPECT_TRUE(row_local({OpKind::add, "f32[2x3] f32[3]", {}, ""}));
  EXPECT_FALSE(row_local({OpKind::matmul, "f32[2x3] f32[3x4]", {}, ""}));
}

std::string error_of(const Case& op_case) {
  try {
    make(op_case);
  } catch (const ir::UserError& error) {
    return error.what();
  }
  return "";
}

TEST(OpErrors, SayOpRuleValueLineAndScope) {
  EXPECT_EQ(error_of({OpKind::matmul, "f32[2x3] f32[4x5]", {}, ""}),
            "matmul: inner dimensions must be equal, but got 3 of f32[2x3] and 4 of f32[4x5] at "
            "model.cpp:7 (h.0.attn)");
}

TEST(OpErrors, LeaveOutWhatIsUnknown) {
  try {
    ir::infer_types(ir::op_def(OpKind::neg), {}, {}, nullptr, {});
    FAIL();
  } catch (const ir::UserError& error) {
    EXPECT_STREQ(error.what(), "neg: operands must be 1 (x), but got 0");
  }
}

TEST(OpErrors, WholeNumbersAreRealAttributes) {
  const Made made = make({OpKind::causal_mask, "f32[2x2]", {{"fill", 0}}, ""});
  EXPECT_EQ((*made).attrs.real("fill"), 0.0);
}

TEST(OpErrors, AnAttentionsLseHasNoGradient) {
  Made made = make(
      {OpKind::attention, "f32[2x6x8] f32[2x6x8] f32[2x6x8]", {{"heads", 2}, {"scale", 0.5}}, ""});
  const std::vector<std::optional<ir::Value>> grads = {
      made.graph.add_input("dy", type_of("f32[2x6x8]")),
      made.graph.add_input("dlse", type_of("f32[2x2x6]"))};
  ir::Builder builder(made.graph);
  EXPECT_THROW(ir::op_def(*made).vjp({builder, made.graph, made.node, grads}), ir::UserError);
}

TEST(OpErrors, AnEpilogueHasNoGradient) {
  Made made = make({OpKind::matmul, "f32[2x3] f32[3x4]", {{"epilogue", ir::Strings{"relu"}}}, ""});
  const std::vector<std::optional<ir::Value>> grads = {
      made.graph.add_input("dy", type_of("f32[2x4]"))};
  ir::Builder builder(made.graph);
  EXPECT_THROW(ir::op_def(*made).vjp({builder, made.graph, made.node, grads}), ir::UserError);
}

}  // namespace
}  // namespace gptc::testing

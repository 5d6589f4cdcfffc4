// What inference must refuse, one case a rule, with the text it must say: products, rows, losses.
#include <limits>

#include "tests/ir_ops/refused.h"

namespace gptc::testing {
namespace {

using ir::Attrs;
using ir::OpKind;
using ir::Strings;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(Refused, ByMatmul) {
  const auto epilogue = [](Strings ops) { return Attrs{{"epilogue", std::move(ops)}}; };
  expect_refused({
      {OpKind::matmul,
       "f32[2x3] f32[4x5]",
       {},
       "inner dimensions must be equal, but got 3 of f32[2x3] and 4 of f32[4x5]"},
      {OpKind::matmul,
       "f32[2x3] f32[3x5]",
       {{"transpose_b", true}},
       "inner dimensions must be equal, but got 3 of f32[2x3] and 5 of f32[3x5]"},
      {OpKind::matmul, "f32[2xT] f32[3x5]", {}, "inner dimensions must be equal, but got T of"},
      {OpKind::matmul, "f32[3] f32[3x5]", {}, "a must have at least 2 axes, but got f32[3]"},
      {OpKind::matmul, "f32[2x3] f32[3]", {}, "b must have at least 2 axes, but got f32[3]"},
      {OpKind::matmul,
       "f32[7x2x3] f32[6x3x5]",
       {},
       "b must have 2 axes or the leading axes of a, but got f32[7x2x3] and f32[6x3x5]"},
      {OpKind::matmul, "f32[2x3] f32[6x3x5]", {}, "b must have 2 axes or the leading axes of a"},
      {OpKind::matmul, "f32[2x3] f64[3x5]", {}, "b must have the dtype of a"},
      {OpKind::matmul, "i32[2x3] i32[3x5]", {}, "a must be f64, f32 or bf16"},
      {OpKind::matmul, "f32[2x3] f32[3x5]", epilogue({"tanh"}),
       "epilogue ops are scale, bias, gelu, relu, mul and add, but got tanh"},
      {OpKind::matmul, "f32[2x3] f32[3x5]", epilogue({"bias"}),
       "every bias, mul and add of the epilogue needs an operand, but got 2 operands, none for "
       "'bias'"},
      {OpKind::matmul, "f32[2x3] f32[3x5] f32[2]", epilogue({"bias"}),
       "the operand of 'bias' must be f32[5], but got f32[2]"},
      {OpKind::matmul, "f32[2x3] f32[3x5] f32[5]", epilogue({"add"}),
       "the operand of 'add' must be f32[2x5], but got f32[5]"},
      {OpKind::matmul, "f32[2x3] f32[3x5] f32[5]", epilogue({"gelu"}),
       "there may be no more operands than the epilogue uses, but got 3"},
  });
}

TEST(Refused, ByRowOps) {
  expect_refused({
      {OpKind::softmax, "f32[]", {}, "x must have at least 1 axes, but got f32[]"},
      {OpKind::causal_mask, "f32[4]", {{"fill", 0.0}}, "x must have at least 2 axes"},
      {OpKind::causal_mask, "f32[4x4]", {{"fill", nan}}, "fill must be a number, but got nan"},
      {OpKind::layer_norm, "f32[2x4] f32[3] f32[4]", {}, "gain must be f32[4], but got f32[3]"},
      {OpKind::layer_norm, "f32[2x4] f32[4] f64[4]", {}, "bias must be f32[4], but got f64[4]"},
      {OpKind::layer_norm, "f32[] f32[] f32[]", {}, "x must have at least 1 axes"},
      {OpKind::layer_norm,
       "f32[2x4] f32[4] f32[4]",
       {{"eps", 0.0}},
       "eps must be finite and above 0, but got 0.0"},
      {OpKind::layer_norm,
       "f32[2x4] f32[4] f32[4]",
       {{"eps", infinity}},
       "eps must be finite and above 0, but got inf"},
      {OpKind::layer_norm_grad,
       "f32[2x4] f32[3x4] f32[4] f32[2] f32[2]",
       {},
       "x must be f32[2x4], but got f32[3x4]"},
      {OpKind::layer_norm_grad,
       "f32[2x4] f32[2x4] f32[4] f32[4] f32[2]",
       {},
       "mean must be f32[2], but got f32[4]"},
      {OpKind::layer_norm_param_grad,
       "f32[2x4] f32[2x4] f32[2] bf16[2]",
       {},
       "rstd must be f32[2], but got bf16[2]"},
  });
}

TEST(Refused, ByIdsAndLosses) {
  expect_refused({
      {OpKind::embedding, "f32[9] i32[2]", {}, "table must have 2 axes, but got f32[9]"},
      {OpKind::embedding, "f32[9x4] i64[2]", {}, "ids must be i32, but got i64[2]"},
      {OpKind::embedding_grad,
       "i32[3] f32[2x4]",
       {{"rows", 9}},
       "dy must hold one row per id, but got i32[3] and f32[2x4]"},
      {OpKind::embedding_grad, "i32[2] f32[2x4]", {{"rows", 0}}, "rows must be above 0, but got 0"},
      {OpKind::scatter_add,
       "f32[9x4] i32[2] f32[2x5]",
       {},
       "rows of dy must be as long as those of into, but got f32[2x5] and f32[9x4]"},
      {OpKind::scatter_add, "f32[9x4] i32[2] f64[2x4]", {}, "dy must have the dtype of into"},
      {OpKind::pick, "f32[2x9] i32[3]", {}, "ids must be i32[2], but got i32[3]"},
      {OpKind::pick_grad, "i32[2] f32[3]", {{"size", 9}}, "ids must be i32[3], but got i32[2]"},
      {OpKind::pick_grad, "i32[2] f32[2]", {{"size", -1}}, "size must be above 0, but got -1"},
      {OpKind::token_count, "f32[2]", {}, "ids must be i32, but got f32[2]"},
      {OpKind::cross_entropy, "f32[2x9] i32[9]", {}, "targets must be i32[2], but got i32[9]"},
      {OpKind::cross_entropy_grad,
       "f32[2x9] i32[2] f32[2]",
       {},
       "dloss must be f32[], but got f32[2]"},
      {OpKind::linear_cross_entropy,
       "f32[2x4] f32[4x9] i32[2]",
       {},
       "rows of x and w must be equally long, but got f32[2x4] and f32[4x9]"},
      {OpKind::linear_cross_entropy,
       "f32[2x4] f32[4] i32[2]",
       {},
       "w must have 2 axes, but got f32[4]"},
      {OpKind::linear_cross_entropy, "f32[4] f32[9x4] i32[]", {}, "x must have at least 2 axes"},
      {OpKind::linear_cross_entropy,
       "f32[2x4] f32[9x4] i32[3]",
       {},
       "targets must be i32[2], but got i32[3]"},
      {OpKind::linear_cross_entropy_grad,
       "f32[2x4] f32[9x4] i32[2] f64[]",
       {},
       "dloss must be f32[], but got f64[]"},
  });
}

TEST(Refused, ByAttention) {
  const auto with = [](std::int64_t heads, double p, double scale = 1) {
    return Attrs{{"heads", heads}, {"scale", scale}, {"causal", true}, {"p", p}};
  };
  const std::string qkv = "f32[2x4x6] f32[2x4x6] f32[2x4x6]";
  expect_refused({
      {OpKind::attention, "f32[4x6] f32[4x6] f32[4x6]", with(2, 0),
       "q must have 3 axes, but got f32[4x6]"},
      {OpKind::attention, "f32[2x4x6] f32[3x4x6] f32[2x4x6]", with(2, 0),
       "k must be like q but for its length, but got f32[3x4x6] and f32[2x4x6]"},
      {OpKind::attention, "f32[2x4x6] f32[2x5x6] f32[2x4x6]", with(2, 0),
       "v must be f32[2x5x6], but got f32[2x4x6]"},
      {OpKind::attention, "f32[2x4x6] f64[2x4x6] f32[2x4x6]", with(2, 0),
       "k must have the dtype of q"},
      {OpKind::attention, qkv, with(4, 0),
       "heads must divide the last axis of q, but got 4 and f32[2x4x6]"},
      {OpKind::attention, qkv, with(0, 0), "heads must divide the last axis of q, but got 0"},
      {OpKind::attention, "f32[2x4xC] f32[2x4xC] f32[2x4xC]", with(2, 0),
       "heads must divide the last axis of q, but got 2 and f32[2x4xC]"},
      {OpKind::attention, qkv, with(2, 0, infinity), "scale must be finite, but got inf"},
      {OpKind::attention, qkv, with(2, -0.5), "p must lie in [0, 1), but got -0.5"},
      {OpKind::attention, qkv, with(2, 0.5),
       "there must be a counter where p > 0, and none where p is 0, but got p = 0.5 without "
       "counter"},
      {OpKind::attention, qkv + " i64[]", with(2, 0), "there must be a counter where p > 0"},
      {OpKind::attention, qkv + " i64[1]", with(2, 0.5), "counter must be i64[], but got i64[1]"},
      {OpKind::attention, "f32[2x5x6] f32[2x4x6] f32[2x4x6]", with(2, 0),
       "causal attention needs at least as many keys as queries, but got f32[2x5x6] and "
       "f32[2x4x6]"},
      {OpKind::attention_grad, qkv + " f32[2x4x6] f32[2x4] f32[2x4x6]", with(2, 0),
       "lse must be f32[2x2x4], but got f32[2x4]"},
      {OpKind::attention_grad, qkv + " f32[2x4x6] f32[2x2x4] f32[4x6]", with(2, 0),
       "dy must be f32[2x4x6], but got f32[4x6]"},
  });
}

TEST(Refused, ByOptimizers) {
  const std::string adamw = "f32[4] f32[4] f32[4] f32[4] f32[] f32[] i64[]";
  expect_refused({
      {OpKind::clip_scale, "f32[2]", {{"max_norm", 1.0}}, "ss must be f32[], but got f32[2]"},
      {OpKind::clip_scale,
       "f32[]",
       {{"max_norm", -1.0}},
       "max_norm must be finite and not below 0, but got -1.0"},
      {OpKind::adamw,
       "f32[4] f32[3] f32[4] f32[4] f32[] f32[] i64[]",
       {},
       "grad must be f32[4], but got f32[3]"},
      {OpKind::adamw,
       "f32[4] f32[4] f32[4] f32[4] f32[] f32[] i32[]",
       {},
       "step must be i64[], but got i32[]"},
      {OpKind::adamw,
       "f32[4] f32[4] f32[4] f32[4] f32[] f32[1] i64[]",
       {},
       "lr must be f32[], but got f32[1]"},
      {OpKind::adamw, adamw, {{"beta1", 1.0}}, "beta1 must lie in [0, 1), but got 1.0"},
      {OpKind::adamw, adamw, {{"beta2", -0.1}}, "beta2 must lie in [0, 1), but got -0.1"},
      {OpKind::adamw, adamw, {{"eps", 0.0}}, "eps must be finite and above 0, but got 0.0"},
      {OpKind::adamw,
       adamw,
       {{"weight_decay", nan}},
       "weight_decay must be finite and not below 0, but got nan"},
  });
}

std::shared_ptr<const ir::Graph> body_of(void (*fill)(ir::Graph&, ir::Builder&, ir::Value)) {
  ir::Graph body("body");
  const ir::Value x = body.add_input("x", type_of("f32[6x8]"));
  ir::Builder builder(body);
  fill(body, builder, x);
  return std::make_shared<const ir::Graph>(std::move(body));
}

TEST(Refused, ByRowFused) {
  const auto transposing = body_of([](ir::Graph& body, ir::Builder& b, ir::Value x) {
    body.outputs() = {{"r0", b.transpose(x, {1, 0})}};
  });
  const auto column_sums = body_of([](ir::Graph& body, ir::Builder& b, ir::Value x) {
    body.outputs() = {{"r0", b.reduce_sum(x, {0})}};
  });
  const auto empty = body_of([](ir::Graph&, ir::Builder& b, ir::Value x) { b.neg(x); });
  const auto updating = body_of([](ir::Graph& body, ir::Builder& b, ir::Value x) {
    body.outputs() = {{"r0", b.neg(x)}};
    body.updates() = {{"w", x}};
  });
  const auto stateful = body_of([](ir::Graph& body, ir::Builder& b, ir::Value x) {
    body.outputs() = {{"r0", b.add(x, body.state("w", type_of("f32[8]")))}};
  });
  expect_refused({
      {OpKind::row_fused, "f32[6x8]", {}, "there must be a body, but got none"},
      {OpKind::row_fused,
       "f32[6x8]",
       {},
       "the body must have one input per operand, but got 3 and 1",
       residual_norm_body()},
      {OpKind::row_fused,
       "f32[6x8] f32[6x8] f32[6]",
       {},
       "input 2 of the body must have the operand's type, but got f32[8] and f32[6]",
       residual_norm_body()},
      {OpKind::row_fused,
       "f32[6x8]",
       {},
       "ops of the body must be row_local or constants, but got transpose",
       transposing},
      {OpKind::row_fused,
       "f32[6x8]",
       {},
       "ops of the body must be row_local or constants, but got reduce_sum",
       column_sums},
      {OpKind::row_fused,
       "f32[6x8]",
       {},
       "ops of the body must be row_local or constants, but got state",
       stateful},
      {OpKind::row_fused, "f32[6x8]", {}, "the body must have outputs, but got none", empty},
      {OpKind::row_fused, "f32[6x8]", {}, "the body may not update states, but got 1", updating},
  });
}

}  // namespace
}  // namespace gptc::testing

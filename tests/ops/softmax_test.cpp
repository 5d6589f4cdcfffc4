#include <limits>

#include "tests/ops/families.h"

namespace gptc::testing {

using ir::OpKind;

namespace {

OpCase softmax(std::string name, Operand operand) {
  const std::string type = operand.type.text();
  return {.name = "softmax_" + std::move(name),
          .op = OpKind::softmax,
          .operands = {std::move(operand)},
          .results = type,
          .nmse = type.starts_with("bf16") ? 1e-5 : 1e-7};
}

OpCase mask(std::string name, std::string_view type, double fill) {
  return {.name = "causal_mask_" + std::move(name),
          .op = OpKind::causal_mask,
          .operands = {real(type)},
          .results = std::string(type),
          .attrs = {{"fill", fill}},
          .exact = Exact::on_integers,
          .nmse = 0};
}

constexpr double infinite = std::numeric_limits<double>::infinity();

OpCase without_gradient(OpCase op_case) {
  for (Operand& operand : op_case.operands) operand.gradient = Gradient::none;
  return op_case;
}

}  // namespace

const std::vector<OpCase>& softmax_cases() {
  static const std::vector<OpCase> cases = {
      softmax("odd", real("f32[3x5x7]")),
      softmax("wide", real("f32[5x1000]")),
      softmax("many", real("f32[64x33]")),
      softmax("vector", real("f32[17]")),
      softmax("large_values", real("f32[7x15]", 90, 110)),
      softmax("far_apart", real("f32[5x17]", -200, 200)),
      softmax("bf16", real("bf16[7x33]")),
      mask("square", "f32[7x7]", 0),
      mask("heads", "f32[2x3x5x5]", -1e9),
      mask("past", "f32[3x5x17]", 0),
      {.name = "causal_mask_given_past",
       .op = OpKind::causal_mask,
       .operands = {real("f32[3x2x4x17]"), ids("i32[3]", 0, 13)},
       .results = "f32[3x2x4x17]",
       .attrs = {{"fill", 0.0}},
       .exact = Exact::on_integers,
       .nmse = 0},
      mask("one_query", "f32[3x1x7]", 0),
      mask("large", "f32[2x33x33]", 0),
      // Differences of infinities say nothing about a gradient.
      without_gradient(mask("infinite", "f32[3x15x15]", -infinite)),
  };
  return cases;
}

const std::vector<Rejection>& softmax_rejections() {
  static const std::vector<Rejection> rejections = {
      {"softmax_scalar", OpKind::softmax, types_of("f32[]"), "x must have at least 1 axes"},
      {"softmax_integers", OpKind::softmax, types_of("i32[3]"), "x must be f64, f32"},
      {"causal_mask_vector",
       OpKind::causal_mask,
       types_of("f32[3]"),
       "x must have at least 2 axes",
       {{"fill", 0.0}}},
      {"causal_mask_without_fill", OpKind::causal_mask, types_of("f32[3x3]"),
       "attribute 'fill' must be given"},
      {"causal_mask_nan",
       OpKind::causal_mask,
       types_of("f32[3x3]"),
       "fill must be a number",
       {{"fill", std::numeric_limits<double>::quiet_NaN()}}},
  };
  return rejections;
}

}  // namespace gptc::testing

#include <cmath>

#include "tests/ops/families.h"

namespace gptc::testing {

using ir::OpKind;
using ir::Shape;

const std::vector<OpCase>& source_cases() {
  static const std::vector<OpCase> cases = {
      {.name = "constant_scalar",
       .op = OpKind::constant,
       .operands = {},
       .results = "f32[]",
       .attrs = {{"value", 0.1}},
       .spread = Spread::constant},
      {.name = "constant_matrix",
       .op = OpKind::constant,
       .operands = {},
       .results = "f32[3x17]",
       .attrs = {{"value", -2.5}, {"shape", Shape{3, 17}}},
       .exact = Exact::on_integers,
       .spread = Spread::constant},
      {.name = "constant_infinite",
       .op = OpKind::constant,
       .operands = {},
       .results = "f32[5]",
       .attrs = {{"value", -HUGE_VAL}, {"shape", Shape{5}}},
       .spread = Spread::constant},
      {.name = "constant_i32",
       .op = OpKind::constant,
       .operands = {},
       .results = "i32[7]",
       .attrs = {{"value", -3.0}, {"dtype", ir::DType::i32}, {"shape", Shape{7}}},
       .exact = Exact::on_integers,
       .spread = Spread::constant},
      {.name = "constant_bf16",
       .op = OpKind::constant,
       .operands = {},
       .results = "bf16[33]",
       .attrs = {{"value", 1.0 / 3}, {"dtype", ir::DType::bf16}, {"shape", Shape{33}}},
       .spread = Spread::constant},
  };
  return cases;
}

const std::vector<Rejection>& source_rejections() {
  static const std::vector<Rejection> rejections = {
      {.name = "constant_without_value",
       .op = OpKind::constant,
       .operands = {},
       .rule = "attribute 'value' must be given"},
      {.name = "constant_with_operand",
       .op = OpKind::constant,
       .operands = types_of("f32[3]"),
       .rule = "operands must be 0",
       .attrs = {{"value", 1.0}}},
      {.name = "constant_of_size_zero",
       .op = OpKind::constant,
       .operands = {},
       .rule = "sizes of the results must be at least 1",
       .attrs = {{"value", 1.0}, {"shape", Shape{3, 0}}}},
      {.name = "constant_unknown_attribute",
       .op = OpKind::constant,
       .operands = {},
       .rule = "attributes must be among",
       .attrs = {{"value", 1.0}, {"axis", 1}}},
      {.name = "constant_wrong_kind",
       .op = OpKind::constant,
       .operands = {},
       .rule = "attribute 'value' must be a number",
       .attrs = {{"value", std::string("one")}}},
      {.name = "input_is_declared",
       .op = OpKind::input,
       .operands = {},
       .rule = "its type must be declared",
       .attrs = {{"name", std::string("x")}}},
      {.name = "state_is_declared",
       .op = OpKind::state,
       .operands = {},
       .rule = "its type must be declared",
       .attrs = {{"name", std::string("x")}}},
  };
  return rejections;
}

}  // namespace gptc::testing

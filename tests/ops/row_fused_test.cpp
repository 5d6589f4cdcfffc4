#include <functional>

#include "ir/builder.h"
#include "tests/ops/families.h"

namespace gptc::testing {

using ir::Builder;
using ir::OpKind;
using ir::Value;

namespace {

using Values = std::vector<Value>;

/// A body over inputs of the given types; `make` returns its outputs.
std::shared_ptr<const ir::Graph> body_of(
    const std::vector<ir::Type>& types,
    const std::function<Values(Builder&, const Values&)>& make) {
  auto body = std::make_shared<ir::Graph>("body");
  Values inputs;
  for (std::size_t i = 0; i < types.size(); ++i)
    inputs.push_back(body->add_input("a" + std::to_string(i), types[i]));
  Builder builder(*body);
  const Values outputs = make(builder, inputs);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    body->outputs().push_back({"r" + std::to_string(i), outputs[i]});
  return body;
}

OpCase fused(std::string name, std::vector<Operand> operands, std::string results,
             const std::function<Values(Builder&, const Values&)>& make) {
  std::vector<ir::Type> types;
  types.reserve(operands.size());
  for (const Operand& operand : operands) types.push_back(operand.type);
  return {.name = "row_fused_" + std::move(name),
          .op = OpKind::row_fused,
          .operands = std::move(operands),
          .results = std::move(results),
          .body = body_of(types, make)};
}

Value dropout(Builder& b, Value x, Value counter_value) {
  return b.op(OpKind::dropout, {x, counter_value},
              {{"p", 0.25}, {"rng_key", std::uint64_t{0xabcdef}}});
}

/// residual + dropout, then layer norm: the forward pass between two products.
Values residual_norm(Builder& b, const Values& in) {
  const Value sum = b.add(in[0], dropout(b, in[1], in[4]));
  const ir::NodeId norm = b.node(OpKind::layer_norm, {sum, in[2], in[3]}, {{"eps", 1e-5}});
  return {sum, {norm, 0}, {norm, 1}, {norm, 2}};
}

/// Its gradient: through the norm, plus the residual's, and the dropout's branch.
Values residual_norm_grad(Builder& b, const Values& in) {
  const Value dx = b.add(b.op(OpKind::layer_norm_grad, {in[0], in[1], in[2], in[3], in[4]}), in[5]);
  return {dx, dropout(b, dx, in[6])};
}

Values gelu_chain(Builder& b, const Values& in) {
  const Value x = b.add(in[0], in[1]);
  return {b.mul(b.op(OpKind::gelu, {x}), b.tanh(b.scale(x, 0.5)))};
}

Values row_softmax(Builder& b, const Values& in) {
  const Value shifted = b.sub(in[0], b.row_max(in[0]));
  const Value e = b.exp(shifted);
  return {b.div(e, b.row_sum(e)), b.op(OpKind::softmax, {in[0]})};
}

Values row_statistics(Builder& b, const Values& in) {
  const Value sum = b.reduce_sum(in[0], {static_cast<std::int64_t>(b.shape(in[0]).rank()) - 1});
  return {sum, b.op(OpKind::relu, {b.sub(in[0], in[1])})};
}

/// Values read twice, an operand that is an output of the body, a constant.
Values shared(Builder& b, const Values& in) {
  const Value square = b.mul(in[0], in[0]);
  const Value two = b.constant(2, b.type(in[0]));
  return {b.add(square, b.mul(two, square)), in[0]};
}

Value to(Builder& b, Value x, ir::DType dtype) {
  return b.op(OpKind::cast, {x}, {{"dtype", dtype}});
}

/// What mixed precision makes of residual_norm: reads bf16 and leaves a rounded result, too.
Values rounded_norm(Builder& b, const Values& in) {
  const Value sum = b.add(in[0], to(b, in[1], ir::DType::f32));
  const ir::NodeId norm = b.node(OpKind::layer_norm, {sum, in[2], in[3]}, {{"eps", 1e-5}});
  return {sum, {norm, 1}, to(b, {norm, 0}, ir::DType::bf16)};
}

/// Both of one rounded value, and a bf16 that only passes.
Values rounded_twice(Builder& b, const Values& in) {
  const Value x = to(b, b.mul(in[0], in[0]), ir::DType::bf16);
  return {x, b.add(to(b, x, ir::DType::f32), to(b, in[1], ir::DType::f32))};
}

void add_casts(std::vector<OpCase>& all) {
  for (const std::string shape : {"7x33", "3x5x64", "257x5"}) {
    const std::string row = shape.substr(shape.rfind('x') + 1);
    const std::string wide = "f32[" + shape + "]";
    const std::string narrow = "bf16[" + shape + "]";
    const std::string statistic = "f32[" + shape.substr(0, shape.rfind('x')) + "]";
    all.push_back(
        fused("rounded_norm_" + shape,
              {real(wide), real(narrow), real("f32[" + row + "]"), real("f32[" + row + "]")},
              wide + ", " + statistic + ", " + narrow, rounded_norm));
    all.back().nmse = 1e-5;
    all.push_back(fused("rounded_twice_" + shape, {real(wide), real(narrow)}, narrow + ", " + wide,
                        rounded_twice));
    all.back().nmse = 1e-5;
  }
}

void add_chains(std::vector<OpCase>& all) {
  all.push_back(fused("gelu_chain", {real("f32[5x33]"), real("f32[33]")}, "f32[5x33]", gelu_chain));
  all.push_back(
      fused("gelu_chain_deep", {real("f32[3x7x17]"), real("f32[17]")}, "f32[3x7x17]", gelu_chain));
  all.push_back(fused("softmax", {real("f32[7x65]")}, "f32[7x65], f32[7x65]", row_softmax));
  all.push_back(fused("statistics", {real("f32[3x5x15]"), real("f32[3x5x1]")},
                      "f32[3x5], f32[3x5x15]", row_statistics));
  all.push_back(fused("shared", {real("f32[33x7]")}, "f32[33x7], f32[33x7]", shared));
  all.push_back(fused("of_one_row", {real("f32[1x64]"), real("f32[64]")}, "f32[1x64]", gelu_chain));
  all.push_back(
      fused("many_rows", {real("f32[1000x3]"), real("f32[3]")}, "f32[1000x3]", gelu_chain));
}

struct Sizes {
  std::string name, x, row, statistic;
};

void add_residuals(std::vector<OpCase>& all) {
  const std::vector<Sizes> sizes = {{"odd", "f32[3x5x7]", "f32[7]", "f32[3x5]"},
                                    {"model", "f32[17x768]", "f32[768]", "f32[17]"},
                                    {"rows", "f32[257x33]", "f32[33]", "f32[257]"}};
  for (const Sizes& at : sizes) {
    all.push_back(fused("residual_norm_" + at.name,
                        {real(at.x), real(at.x), real(at.row), real(at.row), counter(5)},
                        at.x + ", " + at.x + ", " + at.statistic + ", " + at.statistic,
                        residual_norm));
    all.push_back(fused("residual_norm_grad_" + at.name,
                        {real(at.x), real(at.x), real(at.row), real(at.statistic, -0.1, 0.1),
                         real(at.statistic, 0.5, 1), real(at.x), counter(5)},
                        at.x + ", " + at.x, residual_norm_grad));
  }
}

Values transposed(Builder& b, const Values& in) { return {b.transpose(in[0], {1, 0})}; }
Values identity(Builder&, const Values& in) { return {in[0]}; }
Values nothing(Builder&, const Values&) { return {}; }

}  // namespace

const std::vector<OpCase>& row_fused_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> all;
    add_chains(all);
    add_casts(all);
    add_residuals(all);
    return all;
  }();
  return cases;
}

const std::vector<Rejection>& row_fused_rejections() {
  static const std::vector<Rejection> rejections = {
      {.name = "row_fused_without_body",
       .op = OpKind::row_fused,
       .operands = types_of("f32[3x5]"),
       .rule = "there must be a body"},
      {.name = "row_fused_inputs",
       .op = OpKind::row_fused,
       .operands = types_of("f32[3x5], f32[5]"),
       .rule = "the body must have one input per operand",
       .body = body_of(types_of("f32[3x5]"), identity)},
      {.name = "row_fused_input_type",
       .op = OpKind::row_fused,
       .operands = types_of("f32[3x5]"),
       .rule = "input 0 of the body must have the operand's type",
       .body = body_of(types_of("f32[3x6]"), identity)},
      {.name = "row_fused_not_local",
       .op = OpKind::row_fused,
       .operands = types_of("f32[3x5]"),
       .rule = "ops of the body must be row_local",
       .body = body_of(types_of("f32[3x5]"), transposed)},
      {.name = "row_fused_without_outputs",
       .op = OpKind::row_fused,
       .operands = types_of("f32[3x5]"),
       .rule = "the body must have outputs",
       .body = body_of(types_of("f32[3x5]"), nothing)},
  };
  return rejections;
}

}  // namespace gptc::testing

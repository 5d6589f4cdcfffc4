#include "tests/ops/families.h"

namespace gptc::testing {

using ir::DType;
using ir::OpKind;

namespace {

struct UnaryRow {
  OpKind op;
  std::string name;
  double low, high;
  Exact exact = Exact::no;
};

const std::vector<UnaryRow> unary_rows = {
    {OpKind::neg, "neg", -3, 3, Exact::on_integers},
    {OpKind::exp, "exp", -4, 4},
    {OpKind::log, "log", 0.05, 5},
    {OpKind::sqrt, "sqrt", 0.05, 5},
    {OpKind::rsqrt, "rsqrt", 0.05, 5},
    {OpKind::tanh, "tanh", -4, 4},
    {OpKind::sigmoid, "sigmoid", -5, 5},
    {OpKind::relu, "relu", -3, 3, Exact::on_integers},
    {OpKind::step, "step", -3, 3, Exact::on_integers},
    {OpKind::gelu, "gelu", -4, 4},
};

void add_unary(std::vector<OpCase>& cases) {
  for (const UnaryRow& row : unary_rows) {
    for (const std::string type : {"f32[3x5]", "f32[33x17]", "f32[2x7x64]", "bf16[5x15]"}) {
      Operand operand = real(type, row.low, row.high);
      if (row.op == OpKind::step) operand = flat(operand);
      cases.push_back({.name = row.name + "_" + std::to_string(operand.type.shape.numel()),
                       .op = row.op,
                       .operands = {operand},
                       .results = type,
                       .exact = row.exact,
                       .nmse = type.starts_with("bf16") ? 1e-6 : 1e-7});
    }
    // One element whose result is not zero.
    Operand scalar = real("f32[]", 0.7, 0.7);
    if (row.op == OpKind::step) scalar = flat(scalar);
    cases.push_back(
        {.name = row.name + "_scalar", .op = row.op, .operands = {scalar}, .results = "f32[]"});
  }
}

struct BinaryRow {
  OpKind op;
  std::string name;
  Exact exact = Exact::on_integers;
  double low = -3, high = 3;  // of the second operand
};

const std::vector<BinaryRow> binary_rows = {
    {OpKind::add, "add"},
    {OpKind::sub, "sub"},
    {OpKind::mul, "mul"},
    {OpKind::div, "div", Exact::no, 0.5},
    {OpKind::maximum, "maximum", Exact::on_integers, -1, 1},
};

struct BinaryShapes {
  std::string name, a, b, result;
};

const std::vector<BinaryShapes> binary_shapes = {
    {"alike", "f32[3x5x7]", "f32[3x5x7]", "f32[3x5x7]"},
    {"one", "f32[1]", "f32[1]", "f32[1]"},
    {"row", "f32[15x33]", "f32[33]", "f32[15x33]"},
    {"row_first", "f32[17]", "f32[5x17]", "f32[5x17]"},
    {"scalar", "f32[64x3]", "f32[]", "f32[64x3]"},
    {"scalar_first", "f32[]", "f32[7x5]", "f32[7x5]"},
    {"column", "f32[7x15]", "f32[7x1]", "f32[7x15]"},
    {"outer", "f32[5x1]", "f32[1x17]", "f32[5x17]"},
    {"middle", "f32[2x3x5]", "f32[2x1x5]", "f32[2x3x5]"},
    {"both", "f32[3x1x7]", "f32[5x1]", "f32[3x5x7]"},
    {"bf16", "bf16[5x33]", "bf16[33]", "bf16[5x33]"},
};

void add_binary(std::vector<OpCase>& cases) {
  for (const BinaryRow& row : binary_rows) {
    for (const BinaryShapes& shapes : binary_shapes) {
      OpCase made{.name = row.name + "_" + shapes.name,
                  .op = row.op,
                  .operands = {real(shapes.a), real(shapes.b, row.low, row.high)},
                  .results = shapes.result,
                  .exact = row.exact,
                  .spread = shapes.name == "one" ? Spread::constant : Spread::varied,
                  .nmse = shapes.name == "bf16" ? 1e-6 : 1e-7};
      // Of two numbers only the larger has a gradient.
      if (row.op == OpKind::maximum && shapes.name == "one")
        made.operands = {real(shapes.a, 2, 3), flat(real(shapes.b, -3, -2))};
      // A lone number must be neither below nor above all others.
      if (row.op == OpKind::maximum && shapes.name == "scalar_first")
        made.operands = {real(shapes.a, -0.5, 0.5), real(shapes.b)};
      cases.push_back(std::move(made));
    }
  }
}

OpCase cast(std::string name, Operand operand, DType dtype, std::string results) {
  return {.name = "cast_" + std::move(name),
          .op = OpKind::cast,
          .operands = {std::move(operand)},
          .results = std::move(results),
          .attrs = {{"dtype", dtype}},
          .exact = Exact::on_integers};
}

/// Both results of one sweep; has no gradient rule of its own.
OpCase gelu_with_grad(std::string name, const std::string& type) {
  return {.name = "gelu_with_grad_" + std::move(name),
          .op = OpKind::gelu_with_grad,
          .operands = {real(type, -4, 4)},
          .results = type + ", " + type,
          .nmse = type.starts_with("bf16") ? 1e-5 : 1e-7};
}

Operand without_gradient(Operand operand) {
  operand.gradient = Gradient::none;
  return operand;
}

}  // namespace

const std::vector<OpCase>& elementwise_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> all;
    add_unary(all);
    add_binary(all);
    all.push_back(gelu_with_grad("odd", "f32[3x5x7]"));
    all.push_back(gelu_with_grad("long", "f32[33x64]"));
    all.push_back(gelu_with_grad("bf16", "bf16[15x17]"));
    all.push_back(cast("to_bf16", real("f32[33x17]"), DType::bf16, "bf16[33x17]"));
    all.push_back(cast("from_bf16", real("bf16[33x17]"), DType::f32, "f32[33x17]"));
    all.push_back(cast("to_f64", real("f32[3x5]"), DType::f64, "f64[3x5]"));
    all.push_back(
        cast("to_i32", without_gradient(real("f32[5x7]", -9, 9)), DType::i32, "i32[5x7]"));
    all.push_back(cast("from_i32", ids("i32[33]", -1000, 1000), DType::f32, "f32[33]"));
    all.push_back(cast("from_i64", counter(12345), DType::f32, "f32[]"));
    return all;
  }();
  return cases;
}

const std::vector<Rejection>& elementwise_rejections() {
  static const std::vector<Rejection> rejections = [] {
    std::vector<Rejection> all;
    all.reserve(unary_rows.size() + 3 * binary_rows.size() + 3);
    for (const UnaryRow& row : unary_rows)
      all.push_back({row.name + "_of_integers", row.op, types_of("i32[3]"), "x must be f64, f32"});
    for (const BinaryRow& row : binary_rows) {
      all.push_back(
          {row.name + "_shapes", row.op, types_of("f32[3x5], f32[3]"), "shapes must broadcast"});
      all.push_back({row.name + "_dtypes", row.op, types_of("f32[3], bf16[3]"),
                     "b must have the dtype of a"});
      all.push_back({row.name + "_operands", row.op, types_of("f32[3]"), "operands must be 2"});
    }
    all.push_back({"gelu_with_grad_of_integers", OpKind::gelu_with_grad, types_of("i32[3]"),
                   "x must be f64, f32"});
    all.push_back({"cast_without_dtype", OpKind::cast, types_of("f32[3]"),
                   "attribute 'dtype' must be given"});
    all.push_back({"exp_of_size_zero", OpKind::exp, types_of("f32[3x0]"),
                   "sizes of the operands must be at least 1"});
    return all;
  }();
  return rejections;
}

}  // namespace gptc::testing

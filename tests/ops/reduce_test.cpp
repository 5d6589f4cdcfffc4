#include "tests/ops/families.h"

namespace gptc::testing {

using ir::Ints;
using ir::OpKind;

namespace {

struct Shapes {
  std::string name, x, result;
  Ints axes;
};

const std::vector<Shapes> shapes = {
    {"last", "f32[3x5x17]", "f32[3x5]", {2}},  {"first", "f32[33x15]", "f32[15]", {0}},
    {"middle", "f32[3x7x5]", "f32[3x5]", {1}}, {"rows", "f32[2x5x33]", "f32[33]", {0, 1}},
    {"ends", "f32[3x5x7]", "f32[5]", {0, 2}},  {"all", "f32[15x17]", "f32[]", {0, 1}},
    {"long", "f32[4097]", "f32[]", {0}},       {"tall", "f32[1000x3]", "f32[3]", {0}},
    {"of_one", "f32[5x1]", "f32[5]", {1}},     {"bf16", "bf16[5x15]", "bf16[5]", {1}},
};

OpCase sum_squares(std::string name, std::string_view type, std::string results = "f32[]") {
  return {.name = "sum_squares_" + std::move(name),
          .op = OpKind::sum_squares,
          .operands = {real(type)},
          .results = std::move(results),
          .exact = Exact::on_integers};
}

}  // namespace

const std::vector<OpCase>& reduce_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> all;
    for (const Shapes& at : shapes) {
      // Sums of bf16 numbers are exact in f32 but not in bf16.
      const Exact exact = at.name == "bf16" ? Exact::no : Exact::on_integers;
      const double nmse = at.name == "bf16" ? 1e-4 : 1e-7;
      for (const auto& [op, name] : {std::pair(OpKind::reduce_sum, "reduce_sum_"),
                                     std::pair(OpKind::reduce_max, "reduce_max_")})
        all.push_back({.name = name + at.name,
                       .op = op,
                       .operands = {real(at.x)},
                       .results = at.result,
                       .attrs = {{"axes", at.axes}},
                       .exact = exact,
                       .spread = op == OpKind::reduce_max ? Spread::sparse : Spread::varied,
                       .nmse = nmse});
    }
    all.push_back(sum_squares("matrix", "f32[33x17]"));
    all.push_back(sum_squares("scalar", "f32[]"));
    all.push_back(sum_squares("long", "f32[5000]"));
    all.push_back(sum_squares("bf16", "bf16[15x7]"));
    all.push_back(sum_squares("bf16_long", "bf16[257x255]"));
    all.push_back(sum_squares("f64", "f64[7]", "f64[]"));
    return all;
  }();
  return cases;
}

const std::vector<Rejection>& reduce_rejections() {
  static const std::vector<Rejection> rejections = {
      {"reduce_sum_no_axes",
       OpKind::reduce_sum,
       types_of("f32[3]"),
       "at least one axis",
       {{"axes", Ints{}}}},
      {"reduce_sum_axis",
       OpKind::reduce_sum,
       types_of("f32[3]"),
       "axes must be the operand's",
       {{"axes", Ints{1}}}},
      {"reduce_sum_order",
       OpKind::reduce_sum,
       types_of("f32[3x5]"),
       "axes must ascend",
       {{"axes", Ints{1, 0}}}},
      {"reduce_sum_integers",
       OpKind::reduce_sum,
       types_of("i32[3]"),
       "x must be f64, f32",
       {{"axes", Ints{0}}}},
      {"reduce_max_twice",
       OpKind::reduce_max,
       types_of("f32[3x5]"),
       "axes must ascend",
       {{"axes", Ints{1, 1}}}},
      {"sum_squares_integers", OpKind::sum_squares, types_of("i32[3]"), "x must be f64, f32"},
  };
  return rejections;
}

}  // namespace gptc::testing

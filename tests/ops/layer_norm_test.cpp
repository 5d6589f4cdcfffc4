#include "tests/ops/families.h"

namespace gptc::testing {

using ir::OpKind;

namespace {

/// x, a row of it and a statistic per row.
struct Shapes {
  std::string name, x, row, statistic;
};

const std::vector<Shapes> shapes = {
    {"odd", "f32[3x5x7]", "f32[7]", "f32[3x5]"},  {"wide", "f32[5x768]", "f32[768]", "f32[5]"},
    {"many", "f32[64x33]", "f32[33]", "f32[64]"}, {"tall", "f32[300x17]", "f32[17]", "f32[300]"},
    {"vector", "f32[15]", "f32[15]", "f32[]"},    {"bf16", "bf16[7x33]", "bf16[33]", "f32[7]"},
};

void add_layer_norm(std::vector<OpCase>& cases, const Shapes& at, double nmse) {
  OpCase made{.name = "layer_norm_" + at.name,
              .op = OpKind::layer_norm,
              .operands = {real(at.x), real(at.row), real(at.row)},
              .results = at.x + ", " + at.statistic + ", " + at.statistic,
              .attrs = {{"eps", 1e-5}},
              .nmse = nmse};
  cases.push_back(made);
  made.name += "_through_statistics";
  made.gradient_of = {0, 1, 2};
  cases.push_back(made);
}

void add_gradients(std::vector<OpCase>& cases, const Shapes& at, double nmse) {
  cases.push_back({.name = "layer_norm_grad_" + at.name,
                   .op = OpKind::layer_norm_grad,
                   .operands = {real(at.x), real(at.x), real(at.row), real(at.statistic, -0.1, 0.1),
                                real(at.statistic, 0.5, 1)},
                   .results = at.x,
                   .nmse = nmse});
  cases.push_back({.name = "layer_norm_param_grad_" + at.name,
                   .op = OpKind::layer_norm_param_grad,
                   .operands = {real(at.x), real(at.x), real(at.statistic, -0.1, 0.1),
                                real(at.statistic, 0.5, 1)},
                   .results = at.row + ", " + at.row,
                   .nmse = nmse});
}

}  // namespace

const std::vector<OpCase>& layer_norm_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> all;
    for (const Shapes& at : shapes) {
      const double nmse = at.name == "bf16" ? 1e-5 : 1e-7;
      add_layer_norm(all, at, nmse);
      add_gradients(all, at, nmse);
    }
    // A mean far from zero: the variance must not be taken as a difference of large numbers.
    all.push_back({.name = "layer_norm_offset",
                   .op = OpKind::layer_norm,
                   .operands = {real("f32[5x64]", 99, 101), real("f32[64]"), real("f32[64]")},
                   .results = "f32[5x64], f32[5], f32[5]",
                   .attrs = {{"eps", 0.1}}});
    return all;
  }();
  return cases;
}

const std::vector<Rejection>& layer_norm_rejections() {
  static const std::vector<Rejection> rejections = {
      {"layer_norm_gain", OpKind::layer_norm, types_of("f32[3x5], f32[3], f32[5]"),
       "gain must be f32[5]"},
      {"layer_norm_scalar", OpKind::layer_norm, types_of("f32[], f32[1], f32[1]"),
       "x must have at least 1 axes"},
      {"layer_norm_eps",
       OpKind::layer_norm,
       types_of("f32[3x5], f32[5], f32[5]"),
       "eps must be finite and above 0",
       {{"eps", 0.0}}},
      {"layer_norm_grad_x", OpKind::layer_norm_grad,
       types_of("f32[3x5], f32[3x6], f32[5], f32[3], f32[3]"), "x must be f32[3x5]"},
      {"layer_norm_grad_mean", OpKind::layer_norm_grad,
       types_of("f32[3x5], f32[3x5], f32[5], f32[5], f32[3]"), "mean must be f32[3]"},
      {"layer_norm_param_grad_rstd", OpKind::layer_norm_param_grad,
       types_of("f32[3x5], f32[3x5], f32[3], f32[5]"), "rstd must be f32[3]"},
  };
  return rejections;
}

}  // namespace gptc::testing

// Every vectorised loop at sizes below, at and beyond a vector, so that tails are exact.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/onednn_rows/check.h"

namespace gptc::testing {
namespace {

using ir::OpKind;

class Widths : public ::testing::TestWithParam<int> {
 protected:
  static Operand rows(double low = -3, double high = 3) {
    return real(fmt::format("f32[5x{}]", GetParam()), low, high);
  }
  static Operand vector() { return real(fmt::format("f32[{}]", GetParam())); }
  static Operand statistic(double low, double high) { return real("f32[5]", low, high); }
};

TEST_P(Widths, Unary) {
  for (const OpKind op : {OpKind::neg, OpKind::exp, OpKind::tanh, OpKind::sigmoid, OpKind::relu,
                          OpKind::step, OpKind::gelu, OpKind::gelu_with_grad})
    check_rows({.name = fmt::format("op{}", static_cast<int>(op)), .op = op, .operands = {rows()}});
  for (const OpKind op : {OpKind::log, OpKind::sqrt, OpKind::rsqrt})
    check_rows(
        {.name = fmt::format("op{}", static_cast<int>(op)), .op = op, .operands = {rows(0.01, 4)}});
}

TEST_P(Widths, Binary) {
  const Operand column = real("f32[5x1]", 0.5, 2);
  for (const OpKind op : {OpKind::add, OpKind::sub, OpKind::mul, OpKind::div, OpKind::maximum}) {
    const std::string name = fmt::format("op{}", static_cast<int>(op));
    check_rows({.name = name + "_rows", .op = op, .operands = {rows(), rows(0.5, 2)}});
    check_rows({.name = name + "_column", .op = op, .operands = {rows(), column}});
    check_rows({.name = name + "_outer", .op = op, .operands = {vector(), column}});
    check_rows({.name = name + "_scalar", .op = op, .operands = {real("f32[]"), rows(0.5, 2)}});
  }
}

TEST_P(Widths, Normalisation) {
  check_rows({.name = "softmax", .op = OpKind::softmax, .operands = {rows(-9, 9)}});
  const ir::Attrs eps = {{"eps", 1e-5}};
  check_rows({.name = "layer_norm",
              .op = OpKind::layer_norm,
              .operands = {rows(1, 3), vector(), vector()},
              .attrs = eps});
  check_rows({.name = "layer_norm_grad",
              .op = OpKind::layer_norm_grad,
              .operands = {rows(), rows(), vector(), statistic(-0.5, 0.5), statistic(0.5, 1)},
              .nmse = 1e-6});  // one column: the terms cancel
  check_rows({.name = "layer_norm_param_grad",
              .op = OpKind::layer_norm_param_grad,
              .operands = {rows(), rows(), statistic(-0.5, 0.5), statistic(0.5, 1)}});
}

TEST_P(Widths, Reductions) {
  for (const ir::Ints& axes : {ir::Ints{0}, ir::Ints{1}, ir::Ints{0, 1}}) {
    for (const OpKind op : {OpKind::reduce_sum, OpKind::reduce_max})
      check_rows({.name = fmt::format("op{}_{}_{}", static_cast<int>(op), axes[0], axes.size()),
                  .op = op,
                  .operands = {rows(0, 1)},
                  .attrs = {{"axes", axes}}});
  }
  check_rows({.name = "sum_squares", .op = OpKind::sum_squares, .operands = {rows()}});
}

TEST_P(Widths, Training) {
  const int last = GetParam() - 1;
  check_rows({.name = "cross_entropy",
              .op = OpKind::cross_entropy,
              .operands = {rows(-9, 9), ids("i32[5]", -1, last)}});
  check_rows({.name = "cross_entropy_grad",
              .op = OpKind::cross_entropy_grad,
              .operands = {rows(-9, 9), ids("i32[5]", -1, last), real("f32[]", 0.5, 2)}});
  check_rows({.name = "embedding_grad",
              .op = OpKind::embedding_grad,
              .operands = {ids("i32[5]", 0, 2), rows()},
              .attrs = {{"rows", std::int64_t{3}}}});
  check_rows({.name = "adamw",
              .op = OpKind::adamw,
              .operands = {rows(), rows(), rows(), rows(0.01, 1), real("f32[]", 0.5, 1),
                           real("f32[]", 0.01, 0.1), counter(3)},
              .attrs = {{"weight_decay", 0.1}}});
  check_rows({.name = "dropout",
              .op = OpKind::dropout,
              .operands = {rows(), counter(5)},
              .attrs = {{"p", 0.4}, {"rng_key", std::uint64_t{11}}}});
}

INSTANTIATE_TEST_SUITE_P(Sizes, Widths, ::testing::Values(1, 3, 15, 16, 17, 33, 1000));

}  // namespace
}  // namespace gptc::testing

// A test of the tests: rows, loops and backends that are broken on purpose must be caught.
#include <gtest/gtest.h>

#include <cmath>

#include "ir/builder.h"
#include "tests/ops/families.h"
#include "tests/support/compare.h"
#include "tests/support/faulty_backend.h"
#include "tests/support/gradient_check.h"
#include "tests/support/modes.h"

namespace gptc::testing {

namespace {

using ir::OpKind;
using ir::VjpContext;
using Gradients = std::vector<std::optional<ir::Value>>;

const OpCase product{.name = "net_mul",
                     .op = OpKind::mul,
                     .operands = {real("f32[5x7]"), real("f32[7]")},
                     .results = "f32[5x7]",
                     .exact = Exact::on_integers};
const OpCase norm{.name = "net_layer_norm",
                  .op = OpKind::layer_norm,
                  .operands = {real("f32[5x7]"), real("f32[7]"), real("f32[7]")},
                  .results = "f32[5x7], f32[5], f32[5]"};
const OpCase lookup{.name = "net_embedding",
                    .op = OpKind::embedding,
                    .operands = {real("f32[5x7]"), ids("i32[3]", 0, 4)},
                    .results = "f32[3x7]"};

Failures check_with(Fault fault, const OpCase& op_case, Filling filling = Filling::reals) {
  return check_backend(
      op_case, [fault](int threads) { return make_faulty_backend(fault, threads); }, filling);
}

TEST(Net, PassesWhatIsRight) {
  EXPECT_EQ(check_inference(product), Failures{});
  EXPECT_EQ(check_gradient(product, ir::op_def(OpKind::mul).vjp), Failures{});
  EXPECT_EQ(check_decomposition(norm, ir::op_def(OpKind::layer_norm).decompose), Failures{});
  for (const OpCase* op_case : {&product, &norm, &lookup})
    EXPECT_EQ(check_with(Fault::none, *op_case), Failures{});
  EXPECT_EQ(check_with(Fault::none, product, Filling::integers), Failures{});
}

struct NamedFault {
  Fault fault;
  const char* name;
};
void PrintTo(const NamedFault& fault, std::ostream* out) { *out << fault.name; }

class NetFaults : public ::testing::TestWithParam<NamedFault> {};

TEST_P(NetFaults, AreCaught) {
  EXPECT_NE(check_with(GetParam().fault, product), Failures{});
  EXPECT_NE(check_with(GetParam().fault, product, Filling::integers), Failures{});
}

std::string fault_name(const ::testing::TestParamInfo<NamedFault>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Backend, NetFaults,
    ::testing::Values(NamedFault{Fault::wrong_element, "wrong_element"},
                      NamedFault{Fault::skips_last_element, "skips_last_element"},
                      NamedFault{Fault::writes_behind, "writes_behind"},
                      NamedFault{Fault::spoils_operand, "spoils_operand"},
                      NamedFault{Fault::clears_first, "clears_first"},
                      NamedFault{Fault::depends_on_threads, "depends_on_threads"},
                      NamedFault{Fault::keeps_old_results, "keeps_old_results"}),
    fault_name);

// -- gradient rules -------------------------------------------------------------------------------

Gradients swapped(const VjpContext& c) {
  return {c.builder.mul(*c.grads[0], c.operand(0)), c.builder.mul(*c.grads[0], c.operand(1))};
}
Gradients slightly_off(const VjpContext& c) {
  const ir::Value dy = c.builder.scale(*c.grads[0], 1 + 1e-5);
  return {c.builder.mul(dy, c.operand(1)), c.builder.mul(dy, c.operand(0))};
}
Gradients zeros(const VjpContext& c) {
  const ir::Value dy = c.builder.scale(*c.grads[0], 0);
  return {c.builder.mul(dy, c.operand(1)), c.builder.mul(dy, c.operand(0))};
}
Gradients one_missing(const VjpContext& c) {
  return {c.builder.mul(*c.grads[0], c.operand(1)), std::nullopt};
}
Gradients one_element_off(const VjpContext& c) {
  ir::Builder& b = c.builder;
  const ir::Value gradient = b.mul(*c.grads[0], c.operand(1));
  const ir::Value column =
      b.op(OpKind::slice, {gradient}, {{"axis", 1}, {"start", 0}, {"size", ir::Shape{1}}});
  const ir::Value spike =
      b.op(OpKind::pad, {column}, {{"axis", 1}, {"before", 6}, {"size", ir::Shape{7}}});
  return {b.add(gradient, b.scale(spike, 0.01)), b.mul(*c.grads[0], c.operand(0))};
}

TEST(Net, CatchesGradientRules) {
  for (const ir::VjpFn vjp : {swapped, slightly_off, zeros, one_missing, one_element_off})
    EXPECT_NE(check_gradient(product, vjp), Failures{});
}

Gradients ids_with_gradient(const VjpContext& c) {
  Gradients gradients = ir::op_def(OpKind::embedding).vjp(c);
  gradients[1] = c.builder.constant(1, c.graph.type(c.operand(1)));
  return gradients;
}

TEST(Net, CatchesGradientsOfIds) {
  EXPECT_EQ(check_gradient(lookup, ir::op_def(OpKind::embedding).vjp), Failures{});
  EXPECT_NE(check_gradient(lookup, ids_with_gradient), Failures{});
}

TEST(Net, CatchesGradientsWronglyDeclaredZero) {
  OpCase declared = product;
  declared.operands[1] = flat(declared.operands[1]);
  EXPECT_NE(check_gradient(declared, ir::op_def(OpKind::mul).vjp), Failures{});
}

// -- decompositions -------------------------------------------------------------------------------

std::vector<ir::Value> without_bias(ir::Builder& b, const ir::Node& node,
                                    std::span<const ir::Value> operands) {
  std::vector<ir::Value> changed(operands.begin(), operands.end());
  changed[2] = b.scale(changed[2], 1 + 1e-6);
  return ir::op_def(OpKind::layer_norm).decompose(b, node, changed);
}

TEST(Net, CatchesDecompositions) { EXPECT_NE(check_decomposition(norm, without_bias), Failures{}); }

// -- cases that prove nothing, rules that are not rules
// ---------------------------------------------

TEST(Net, CatchesCasesThatProveNothing) {
  OpCase silent = product;
  silent.operands[1] = real("f32[7]", 0, 0);
  EXPECT_NE(check_inference(silent), Failures{});
  silent.operands = {real("f32[5x7]", 1, 1), real("f32[7]", 1, 1)};
  EXPECT_NE(check_inference(silent), Failures{});
}

TEST(Net, CatchesWrongTypes) {
  OpCase other = product;
  other.results = "f32[7x5]";
  EXPECT_NE(check_inference(other), Failures{});
}

TEST(Net, CatchesWhatIsNotRefused) {
  EXPECT_NE(check_rejection({"right", OpKind::mul, types_of("f32[3], f32[3]"), "shapes"}),
            Failures{});
  EXPECT_NE(check_rejection({"other_rule", OpKind::mul, types_of("f32[3], f32[4]"), "axis"}),
            Failures{});
}

// -- comparisons ----------------------------------------------------------------------------------

TEST(Compare, NormalisedError) {
  const std::vector<double> want = {3, 4};
  EXPECT_EQ(nmse(want, want), 0);
  EXPECT_DOUBLE_EQ(nmse(std::vector<double>{3, 5}, want), 1.0 / 25);
  EXPECT_EQ(worst_error(std::vector<double>{3, 5}, want), 0.25);
  const double nan = std::nan("");
  EXPECT_FALSE(nmse(std::vector<double>{3, nan}, want) < 1);
  EXPECT_FALSE(nmse(std::vector<double>{3}, want) < 1);
  EXPECT_EQ(nmse(std::vector<double>{nan, HUGE_VAL}, std::vector<double>{nan, HUGE_VAL}), 0);
  EXPECT_FALSE(nmse(std::vector<double>{1e300}, std::vector<double>{HUGE_VAL}) < 1);
  EXPECT_FALSE(nmse(std::vector<double>{1}, std::vector<double>{0}) < 1);
}

}  // namespace

}  // namespace gptc::testing

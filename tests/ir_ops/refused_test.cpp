// What inference must refuse, one case a rule, with the text it must say: core ops.
#include <limits>

#include "tests/ir_ops/refused.h"

namespace gptc::testing {
namespace {

using ir::DType;
using ir::Ints;
using ir::OpKind;
using ir::Shape;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint64_t key = 1;
constexpr std::int64_t huge = std::int64_t{1} << 40;

TEST(Refused, ByEveryRow) {
  expect_refused({
      {OpKind::neg, "", {}, "operands must be 1 (x), but got 0"},
      {OpKind::add, "f32[2] f32[2] f32[2]", {}, "operands must be 2 (a, b), but got 3"},
      {OpKind::attention,
       "f32[2x2x2]",
       {{"heads", 1}, {"scale", 1.0}},
       "operands must be 3 or 4 (q, k, v, counter), but got 1"},
      {OpKind::matmul, "f32[2x2]", {}, "operands must be at least 2 (a, b, extra), but got 1"},
      {OpKind::softmax, "f32[2]", {{"axis", 1}}, "attributes must be among: none, but got 'axis'"},
      {OpKind::shift,
       "f32[2]",
       {{"axis", 0}},
       "attribute 'by' must be given (may be negative), but got none"},
      {OpKind::shift,
       "f32[2]",
       {{"axis", 0.5}, {"by", 1}},
       "attribute 'axis' must be an integer, but got 0.5"},
      {OpKind::neg,
       "f32[0x4]",
       {},
       "sizes of the operands must be at least 1 and the bytes fit 63 bits, but got f32[0x4]"},
      {OpKind::mul,
       "f32[1099511627776x1] f32[1099511627776]",
       {},
       "sizes of the results must be at least 1 and the bytes fit 63 bits, but got f32["},
      {OpKind::input, "", {{"name", "x"}}, "its type must be declared, not inferred, but got"},
  });
}

TEST(Refused, BySources) {
  expect_refused({
      {OpKind::constant, "", {{"value", 1.0}, {"shape", Shape{-1}}}, "sizes of the results must"},
      {OpKind::random_normal,
       "",
       {{"shape", Shape{2}}, {"dtype", DType::i32}, {"rng_key", key}},
       "dtype must be f64, f32 or bf16, but got i32[2]"},
      {OpKind::random_normal,
       "",
       {{"shape", Shape{2}}, {"std", -1.0}, {"rng_key", key}},
       "std must be finite and not below 0, but got -1.0"},
      {OpKind::random_normal,
       "",
       {{"shape", Shape{2}}, {"mean", nan}, {"rng_key", key}},
       "mean must be finite, but got nan"},
      {OpKind::random_uniform,
       "",
       {{"shape", Shape{2}}, {"low", 2.0}, {"high", 1.0}, {"rng_key", key}},
       "low and high must be finite and in order, but got 2.0 and 1.0"},
      {OpKind::dropout,
       "f32[2] i64[]",
       {{"p", 1.0}, {"rng_key", key}},
       "p must lie in [0, 1), but got 1.0"},
      {OpKind::dropout,
       "f32[2] i64[]",
       {{"p", nan}, {"rng_key", key}},
       "p must lie in [0, 1), but got nan"},
      {OpKind::dropout,
       "f32[2] i32[]",
       {{"p", 0.1}, {"rng_key", key}},
       "counter must be i64[], but got i32[]"},
      {OpKind::dropout,
       "i32[2] i64[]",
       {{"p", 0.1}, {"rng_key", key}},
       "x must be f64, f32 or bf16, but got i32[2]"},
  });
}

TEST(Refused, ByElementwiseOps) {
  expect_refused({
      {OpKind::exp, "i32[2]", {}, "x must be f64, f32 or bf16, but got i32[2]"},
      {OpKind::gelu_with_grad, "i64[]", {}, "x must be f64, f32 or bf16, but got i64[]"},
      {OpKind::add, "i32[2] i32[2]", {}, "a must be f64, f32 or bf16, but got i32[2]"},
      {OpKind::add, "f32[2] bf16[2]", {}, "b must have the dtype of a, but got bf16[2] and f32[2]"},
      {OpKind::mul,
       "f32[2x3] f32[2]",
       {},
       "shapes must broadcast (equal or 1, from the right), but got f32[2x3] and f32[2]"},
      {OpKind::sub,
       "f32[T] f32[4]",
       {},
       "shapes must broadcast (equal or 1, from the right), but got f32[T] and f32[4]"},
      {OpKind::div, "f32[T] f32[B]", {}, "shapes must broadcast"},
  });
}

TEST(Refused, ByShapeOps) {
  const ir::Dim t = ir::Dim::named('T');
  expect_refused({
      {OpKind::reshape,
       "f32[4x6]",
       {{"shape", Shape{5, 5}}},
       "shape must hold as many elements as x, but got [5x5] and f32[4x6]"},
      {OpKind::reshape, "f32[Tx6]", {{"shape", Shape{6}}}, "shape must hold as many elements"},
      {OpKind::reshape,
       "f32[4]",
       {{"shape", Shape{huge, huge, 4}}},
       "shape must hold as many elements"},
      {OpKind::transpose,
       "f32[2x3]",
       {{"perm", Ints{0, 0}}},
       "perm must hold every axis of x once, but got [0, 0] and f32[2x3]"},
      {OpKind::transpose, "f32[2x3]", {{"perm", Ints{0}}}, "perm must hold every axis of x once"},
      {OpKind::transpose, "f32[2x3]", {{"perm", Ints{1, 2}}}, "perm must hold every axis"},
      {OpKind::broadcast,
       "f32[2]",
       {{"shape", Shape{3}}},
       "x must broadcast to shape (equal or 1, from the right), but got f32[2] and [3]"},
      {OpKind::broadcast, "f32[2x2]", {{"shape", Shape{2}}}, "x must broadcast to shape"},
      {OpKind::slice,
       "f32[4]",
       {{"axis", 1}, {"size", Shape{1}}},
       "axis must be one of the operand's, but got 1 and f32[4]"},
      {OpKind::slice, "f32[4]", {{"axis", -1}, {"size", Shape{1}}}, "axis must be one of"},
      {OpKind::slice,
       "f32[4]",
       {{"axis", 0}, {"size", Shape{1, 1}}},
       "size must be one dimension, but got [1x1]"},
      {OpKind::slice,
       "f32[4]",
       {{"axis", 0}, {"start", -1}, {"size", Shape{1}}},
       "start must not be below 0, but got -1"},
      {OpKind::slice,
       "f32[4]",
       {{"axis", 0}, {"start", 3}, {"size", Shape{2}}},
       "start + the part's size must not pass the whole axis, but got 3 and 2 of 4 and f32[4]"},
      {OpKind::slice,
       "f32[4]",
       {{"axis", 0}, {"start", std::numeric_limits<std::int64_t>::max()}, {"size", Shape{2}}},
       "start + the part's size must not pass the whole axis"},
      {OpKind::slice,
       "f32[T]",
       {{"axis", 0}, {"start", 1}, {"size", Shape{t}}},
       "start must be 0 where the whole axis is taken, but got 1 and f32[T]"},
      {OpKind::slice, "f32[4]", {{"axis", 0}, {"size", Shape{0}}}, "sizes of the results"},
      {OpKind::pad,
       "f32[4]",
       {{"axis", 0}, {"before", 3}, {"size", Shape{6}}},
       "before + the part's size must not pass the whole axis, but got 3 and 4 of 6 and f32[4]"},
      {OpKind::pad,
       "f32[4]",
       {{"axis", 0}, {"before", -2}, {"size", Shape{6}}},
       "before must not be below 0, but got -2"},
      {OpKind::concat, "", {{"axis", 0}}, "there must be at least one operand, but got none"},
      {OpKind::concat,
       "f32[2x3] f32[3x3]",
       {{"axis", 1}},
       "operands must be alike but for their size along axis, but got f32[2x3] and f32[3x3]"},
      {OpKind::concat, "f32[2] f32[]", {{"axis", 0}}, "operands must be alike"},
      {OpKind::concat,
       "f32[2] f32[T]",
       {{"axis", 0}},
       "sizes along axis must be numbers to be added up, but got f32[T]"},
      {OpKind::shift, "f32[4]", {{"axis", 2}, {"by", 1}}, "axis must be one of the operand's"},
      {OpKind::shift,
       "f32[4]",
       {{"axis", 0}, {"by", huge}},
       "by must fit 32 bits, but got 1099511627776"},
      {OpKind::select, "f32[4] i32[4]", {}, "x must have at least 2 axes, but got f32[4]"},
      {OpKind::select, "f32[2x3] i32[3]", {}, "index must be i32[2], but got i32[3]"},
  });
}

TEST(Refused, ByReductions) {
  expect_refused({
      {OpKind::reduce_sum, "i32[4]", {{"axes", Ints{0}}}, "x must be f64, f32 or bf16"},
      {OpKind::reduce_sum,
       "f32[4]",
       {{"axes", Ints{}}},
       "axes must name at least one axis, but got []"},
      {OpKind::reduce_max,
       "f32[4x2]",
       {{"axes", Ints{2}}},
       "axes must be the operand's, but got [2] and f32[4x2]"},
      {OpKind::reduce_max, "f32[4x2]", {{"axes", Ints{1, 0}}}, "axes must ascend, but got [1, 0]"},
      {OpKind::sum_squares, "i32[4]", {}, "x must be f64, f32 or bf16, but got i32[4]"},
  });
}

}  // namespace
}  // namespace gptc::testing

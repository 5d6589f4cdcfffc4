#include <limits>

#include "tests/ops/families.h"

namespace gptc::testing {

using ir::Attrs;
using ir::OpKind;
using ir::Shape;

namespace {

constexpr std::uint64_t key = 0x0123456789abcdef;

OpCase dropout(std::string name, std::string_view type, double p, std::int64_t step) {
  return {.name = "dropout_" + std::move(name),
          .op = OpKind::dropout,
          .operands = {real(type), counter(step)},
          .results = std::string(type),
          .attrs = {{"p", p}, {"rng_key", key}}};
}

OpCase filled(OpKind op, std::string name, std::string_view type, Attrs attrs) {
  attrs.set("shape", type_of(type).shape);
  attrs.set("dtype", type_of(type).dtype);
  attrs.set("rng_key", key);
  return {.name = std::move(name),
          .op = op,
          .operands = {},
          .results = std::string(type),
          .attrs = std::move(attrs)};
}

}  // namespace

const std::vector<OpCase>& random_cases() {
  static const std::vector<OpCase> cases = {
      dropout("odd", "f32[3x5x7]", 0.3, 0),
      dropout("one", "f32[1]", 0.25, 1),  // its only element is kept at this key
      dropout("long", "f32[1000]", 0.1, 12345),
      dropout("wide_counter", "f32[33x17]", 0.5, 0x123456789abcLL),
      dropout("never", "f32[15]", 0, 3),
      dropout("mostly", "f32[64x64]", 0.8, 3),
      dropout("bf16", "bf16[5x33]", 0.5, 2),
      filled(OpKind::random_normal, "random_normal", "f32[33x17]", {{"std", 0.02}}),
      filled(OpKind::random_normal, "random_normal_shifted", "f32[7]", {{"mean", -3.0}}),
      filled(OpKind::random_normal, "random_normal_long", "f32[4099]", {}),
      filled(OpKind::random_uniform, "random_uniform", "f32[3x5x7]",
             {{"low", -0.1}, {"high", 0.1}}),
      filled(OpKind::random_uniform, "random_uniform_scalar", "f32[]", {}),
  };
  return cases;
}

const std::vector<Rejection>& random_rejections() {
  static const std::vector<Rejection> rejections = {
      {.name = "dropout_p_of_one",
       .op = OpKind::dropout,
       .operands = types_of("f32[3], i64[]"),
       .rule = "p must lie in [0, 1)",
       .attrs = {{"p", 1.0}, {"rng_key", key}}},
      {.name = "dropout_p_nan",
       .op = OpKind::dropout,
       .operands = types_of("f32[3], i64[]"),
       .rule = "p must lie in [0, 1)",
       .attrs = {{"p", std::numeric_limits<double>::quiet_NaN()}, {"rng_key", key}}},
      {.name = "dropout_counter_type",
       .op = OpKind::dropout,
       .operands = types_of("f32[3], i32[]"),
       .rule = "counter must be i64[]",
       .attrs = {{"p", 0.5}, {"rng_key", key}}},
      {.name = "dropout_without_key",
       .op = OpKind::dropout,
       .operands = types_of("f32[3], i64[]"),
       .rule = "attribute 'rng_key' must be given",
       .attrs = {{"p", 0.5}}},
      {.name = "random_normal_negative_std",
       .op = OpKind::random_normal,
       .operands = {},
       .rule = "std must be finite and not below 0",
       .attrs = {{"shape", Shape{3}}, {"std", -1.0}, {"rng_key", key}}},
      {.name = "random_normal_integers",
       .op = OpKind::random_normal,
       .operands = {},
       .rule = "dtype must be",
       .attrs = {{"shape", Shape{3}}, {"dtype", ir::DType::i32}, {"rng_key", key}}},
      {.name = "random_uniform_order",
       .op = OpKind::random_uniform,
       .operands = {},
       .rule = "low and high must be finite and in order",
       .attrs = {{"shape", Shape{3}}, {"low", 1.0}, {"high", 0.0}, {"rng_key", key}}},
  };
  return rejections;
}

}  // namespace gptc::testing

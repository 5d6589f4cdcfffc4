// Counter-based random numbers (Philox4x32-10: Salmon et al. 2011), see ir/README.md.
#include <cmath>

#include "ir/ops/rules.h"

namespace gptc::ir {
namespace {

using rules::require;

Type float_result(const InferContext& context) {
  Type type{context.attrs.get<DType>("dtype"), context.attrs.get<Shape>("shape")};
  require(context, is_float(type.dtype), "dtype must be f64, f32 or bf16", type);
  return type;
}

std::vector<Type> infer_normal(const InferContext& context) {
  const double mean = context.attrs.real("mean");
  const double std = context.attrs.real("std");
  require(context, std::isfinite(mean), "mean must be finite", mean);
  require(context, std >= 0 && std::isfinite(std), "std must be finite and not below 0", std);
  return {float_result(context)};
}

std::vector<Type> infer_uniform(const InferContext& context) {
  const double low = context.attrs.real("low");
  const double high = context.attrs.real("high");
  require(context, std::isfinite(low) && std::isfinite(high) && low <= high,
          "low and high must be finite and in order", low, high);
  return {float_result(context)};
}

std::vector<Type> infer_dropout(const InferContext& context) {
  rules::require_float(context, 0);
  rules::require_counter(context, 1);
  rules::require_real(context, "p", 0, 1);
  return {context.operand(0)};
}

rules::Grads vjp_dropout(const VjpContext& context) {
  return {context.builder.op(OpKind::dropout, {rules::grad(context), context.operand(1)},
                             context.attrs()),
          std::nullopt};
}

AttrSpec key_spec() {
  return {"rng_key", AttrKind::key, std::nullopt,
          "which stream: unique in the module, kept by clones"};
}
AttrSpec dtype_spec() { return {"dtype", AttrKind::dtype, DType::f32, "the result's dtype"}; }
AttrSpec shape_spec() { return {"shape", AttrKind::shape, std::nullopt, "the result's shape"}; }

}  // namespace

const OpDef& op_random_normal() {
  static const OpDef def = {
      .kind = OpKind::random_normal,
      .name = "random_normal",
      .doc = "Independent normal numbers, element i from counter i (Box-Muller).",
      .operands = {},
      .attributes = {dtype_spec(),
                     shape_spec(),
                     {"mean", AttrKind::real, 0.0, "their mean"},
                     {"std", AttrKind::real, 1.0, "their standard deviation"},
                     key_spec()},
      .traits = Trait::source | Trait::random,
      .infer = infer_normal,
  };
  return def;
}

const OpDef& op_random_uniform() {
  static const OpDef def = {
      .kind = OpKind::random_uniform,
      .name = "random_uniform",
      .doc = "Independent numbers uniform in [low, high), element i from counter i.",
      .operands = {},
      .attributes = {dtype_spec(),
                     shape_spec(),
                     {"low", AttrKind::real, 0.0, "the least"},
                     {"high", AttrKind::real, 1.0, "above all"},
                     key_spec()},
      .traits = Trait::source | Trait::random,
      .infer = infer_uniform,
  };
  return def;
}

const OpDef& op_dropout() {
  static const OpDef def = {
      .kind = OpKind::dropout,
      .name = "dropout",
      .doc =
          "x[...], counter i64[] -> like x: x/(1-p) with probability 1-p, else 0 (Srivastava et "
          "al. 2014, inverted). The gradient is the same dropout of the gradient.",
      .operands = {{"x"}, {"counter"}},
      .attributes = {{"p", AttrKind::real, std::nullopt, "probability of 0, in [0, 1)"},
                     key_spec()},
      .traits = Trait::elementwise | Trait::row_local | Trait::random | Trait::cheap,
      .infer = infer_dropout,
      .vjp = vjp_dropout,
      .in_place = {{0, 0}},
  };
  return def;
}

}  // namespace gptc::ir

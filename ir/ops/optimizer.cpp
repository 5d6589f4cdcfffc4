// Gradient clipping and AdamW (Loshchilov and Hutter 2019).
#include <cmath>
#include <limits>

#include "ir/ops/rules.h"

namespace gptc::ir {
namespace {

std::vector<Type> infer_clip_scale(const InferContext& context) {
  rules::require_float(context, 0);
  rules::require_type(context, 0, {context.operand(0).dtype, {}});
  const double max_norm = context.attrs.real("max_norm");
  rules::require(context, max_norm >= 0 && std::isfinite(max_norm),
                 "max_norm must be finite and not below 0", max_norm);
  return {context.operand(0)};
}

std::vector<Type> infer_adamw(const InferContext& context) {
  rules::require_float(context, 0);
  const Type& param = context.operand(0);
  const Type moment{rules::stat_dtype(param.dtype), param.shape};
  const Type scalar{moment.dtype, {}};
  const bool rounded = context.operand(1).dtype == DType::bf16 && param.dtype == DType::f32;
  rules::require_type(context, 1, {rounded ? DType::bf16 : param.dtype, param.shape});
  rules::require_type(context, 2, moment);
  rules::require_type(context, 3, moment);
  rules::require_type(context, 4, scalar);
  rules::require_type(context, 5, scalar);
  rules::require_counter(context, 6);
  rules::require_real(context, "beta1", 0, 1);
  rules::require_real(context, "beta2", 0, 1);
  rules::require_positive(context, "eps");
  const double decay = context.attrs.real("weight_decay");
  rules::require(context, decay >= 0 && std::isfinite(decay),
                 "weight_decay must be finite and not below 0", decay);
  return {param, moment, moment};
}

double flops_adamw(const Graph&, const Node& node) {
  return 14 * static_cast<double>(node.results[0].shape.numel());
}

}  // namespace

const OpDef& op_clip_scale() {
  static const OpDef def = {
      .kind = OpKind::clip_scale,
      .name = "clip_scale",
      .doc =
          "ss f32[], a sum of squares -> f32[]: min(1, max_norm / (√ss + 1e-6)), 1 if max_norm "
          "is 0; NaN if ss is not finite.",
      .operands = {{"ss"}},
      .attributes = {{"max_norm", AttrKind::real, std::nullopt, "largest norm kept; 0: any"}},
      .infer = infer_clip_scale,
  };
  return def;
}

const OpDef& op_adamw() {
  static const OpDef def = {
      .kind = OpKind::adamw,
      .name = "adamw",
      .doc =
          "param, grad (may be bf16), m, v, scale f32[], lr f32[], step i64[] -> param, m, v. With "
          "g = scale · grad, t = step + 1: m = β₁m + (1-β₁)g, v = β₂v + (1-β₂)g², param -= lr · "
          "(m/(1-β₁ᵗ) / (√(v/(1-β₂ᵗ)) + eps) + weight_decay · param). The results are the "
          "operands where scale is not finite.",
      .operands = {{"param"}, {"grad"}, {"m"}, {"v"}, {"scale"}, {"lr"}, {"step"}},
      .attributes = {{"beta1", AttrKind::real, 0.9, "of the mean of gradients, in [0, 1)"},
                     {"beta2", AttrKind::real, 0.999, "of the mean of squares, in [0, 1)"},
                     {"eps", AttrKind::real, 1e-8, "added to the root"},
                     {"weight_decay", AttrKind::real, 0.0, "decoupled: times lr and param"}},
      .infer = infer_adamw,
      .in_place = {{0, 0}, {1, 2}, {2, 3}},
      .flops = flops_adamw,
  };
  return def;
}

}  // namespace gptc::ir

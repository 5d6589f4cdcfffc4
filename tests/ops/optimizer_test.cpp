#include <limits>

#include "tests/ops/families.h"

namespace gptc::testing {

using ir::OpKind;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

OpCase clip(std::string name, double sum, double max_norm) {
  return {.name = "clip_scale_" + std::move(name),
          .op = OpKind::clip_scale,
          .operands = {real("f32[]", sum, sum)},
          .results = "f32[]",
          .attrs = {{"max_norm", max_norm}}};
}

/// A large learning rate, so that the update is as large as the parameter.
OpCase adamw(std::string name, const std::string& type, std::int64_t step, double decay,
             double scale = 0.7, const std::string& grad = {}) {
  return {.name = "adamw_" + std::move(name),
          .op = OpKind::adamw,
          .operands = {real(type), real(grad.empty() ? type : grad), real(type), real(type, 0, 2),
                       real("f32[]", scale, scale), real("f32[]", 0.5, 0.5), counter(step)},
          .results = type + ", " + type + ", " + type,
          .attrs = {{"beta1", 0.9}, {"beta2", 0.95}, {"eps", 1e-8}, {"weight_decay", decay}}};
}

}  // namespace

const std::vector<OpCase>& optimizer_cases() {
  static const std::vector<OpCase> cases = {
      clip("small_norm", 0.25, 1),
      clip("large_norm", 400, 1),
      clip("off", 400, 0),
      clip("nan", not_a_number, 1),
      clip("nan_off", not_a_number, 0),
      adamw("first_step", "f32[33x17]", 0, 0.1),
      adamw("later", "f32[64x7]", 999, 0.1),
      adamw("no_decay", "f32[15]", 3, 0),
      adamw("long", "f32[5000]", 17, 0.01),
      adamw("one", "f32[1]", 1, 0.1),
      adamw("bf16_grad", "f32[33x17]", 4, 0.1, 0.7, "bf16[33x17]"),
      adamw("bf16_grad_long", "f32[33001]", 4, 0.1, 0.7, "bf16[33001]"),
      adamw("skipped", "f32[5x7]", 5, 0.1, not_a_number),
  };
  return cases;
}

const std::vector<Rejection>& optimizer_rejections() {
  static const std::vector<Rejection> rejections = {
      {"clip_scale_vector",
       OpKind::clip_scale,
       types_of("f32[3]"),
       "ss must be f32[]",
       {{"max_norm", 1.0}}},
      {"clip_scale_negative",
       OpKind::clip_scale,
       types_of("f32[]"),
       "max_norm must be finite and not below 0",
       {{"max_norm", -1.0}}},
      {"adamw_grad", OpKind::adamw, types_of("f32[3], f32[4], f32[3], f32[3], f32[], f32[], i64[]"),
       "grad must be f32[3]"},
      {"adamw_bf16_grad_of_bf16_shape", OpKind::adamw,
       types_of("f32[3], bf16[4], f32[3], f32[3], f32[], f32[], i64[]"), "grad must be bf16[3]"},
      {"adamw_bf16_grad_of_f64", OpKind::adamw,
       types_of("f64[3], bf16[3], f64[3], f64[3], f64[], f64[], i64[]"), "grad must be f64[3]"},
      {"adamw_step", OpKind::adamw, types_of("f32[3], f32[3], f32[3], f32[3], f32[], f32[], i32[]"),
       "step must be i64[]"},
      {"adamw_beta",
       OpKind::adamw,
       types_of("f32[3], f32[3], f32[3], f32[3], f32[], f32[], i64[]"),
       "beta2 must lie in [0, 1)",
       {{"beta2", 1.0}}},
  };
  return rejections;
}

}  // namespace gptc::testing

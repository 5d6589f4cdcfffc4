// What one AdamW step needs, as its vectorised sweep sees it.
#pragma once

#include <cstdint>

namespace gptc::onednn {

struct AdamwStep {
  float scale;  // of the gradient
  float lr;
  float beta1;
  float beta2;
  float rest1;        // 1 - beta1
  float rest2;        // 1 - beta2
  float correction1;  // 1 - beta1^t
  float correction2;  // 1 - beta2^t
  float eps;
  float weight_decay;
};

/// Operands and results of equal length; a result may lie over its operand, or be null. The
/// gradient is either of f32 or of bf16, the other one null.
struct AdamwTensors {
  const float* param;
  const float* grad;
  const std::uint16_t* bf16_grad;
  const float* m;
  const float* v;
  float* param_out;
  float* m_out;
  float* v_out;
};

}  // namespace gptc::onednn

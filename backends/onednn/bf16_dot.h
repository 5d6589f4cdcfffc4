// The processor's dot product of bf16 pairs, which Highway 1.0 does not have.
#pragma once

namespace gptc::onednn {

/// Whether the processor multiplies bf16 itself; without it bf16 is emulated, slower than f32.
bool has_bf16_dot();

/// As fma_loop in peak.cpp, for bf16: returns the operations done. Only where has_bf16_dot().
double bf16_dot_loop(long iterations, float* sink);

}  // namespace gptc::onednn

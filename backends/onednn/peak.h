// What this machine can do at most, measured; every efficiency figure is relative to it.
#pragma once

namespace gptc::onednn {

/// Single-precision GFLOP/s (a fused multiply-add counts as two) of a loop of independent FMAs in
/// registers on `threads` threads (0: all): the best of `trials` short trials.
double peak_gflops(int threads = 0, int trials = 10);

/// The same for products of bf16 pairs summed in f32, by the processor's own instruction; 0 where
/// it has none.
double peak_bf16_gflops(int threads = 0, int trials = 10);

/// GB/s (10⁹ bytes).
struct ReadSpeed {
  double median = 0;
  double best = 0;
};

/// How fast `threads` threads (0: all) together read memory in huge pages, where the system has
/// them, as arena and states are: the stretches of 64 MiB of `trials` passes over 256 MiB, which
/// the process holds meanwhile.
ReadSpeed read_speed(int threads = 0, int trials = 10);

}  // namespace gptc::onednn

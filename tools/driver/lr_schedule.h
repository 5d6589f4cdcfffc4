// The learning rate as a function of the step.
#pragma once

#include <cstdint>

namespace gptc::driver {

enum class Decay : std::uint8_t { cosine, linear, constant };

struct LrSchedule {
  double lr = 6e-4;
  double min_lr = 0;  // reached at decay_steps, kept afterwards
  std::int64_t warmup_steps = 0;
  std::int64_t decay_steps = 0;  // counted from step 0
  Decay decay = Decay::cosine;

  /// At the 0-based step: lr · (step+1)/(warmup+1) while step < warmup; then from lr to min_lr by
  /// half a cosine wave (Loshchilov & Hutter, arXiv 1608.03983) or a line; constant stays at lr.
  [[nodiscard]] double at(std::int64_t step) const;
};

}  // namespace gptc::driver

#include "tools/driver/lr_schedule.h"

#include <cmath>
#include <numbers>

namespace gptc::driver {

double LrSchedule::at(std::int64_t step) const {
  if (step < warmup_steps)
    return lr * static_cast<double>(step + 1) / static_cast<double>(warmup_steps + 1);
  if (decay == Decay::constant) return lr;
  if (step >= decay_steps) return min_lr;
  const double done =
      static_cast<double>(step - warmup_steps) / static_cast<double>(decay_steps - warmup_steps);
  const double left =
      decay == Decay::linear ? 1 - done : 0.5 * (1 + std::cos(std::numbers::pi * done));
  return min_lr + left * (lr - min_lr);
}

}  // namespace gptc::driver

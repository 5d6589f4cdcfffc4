#include "tools/driver/sampling/maxima.h"

#include <algorithm>
#include <cmath>

// Once per instruction set; which one runs is chosen at the first call.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tools/driver/sampling/maxima.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gptc::driver::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Of `size` scores; `sound` stays true unless one is NaN or +inf.
HWY_INLINE float maximum_of(const float* HWY_RESTRICT scores, std::size_t size, bool& sound) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto limit = hn::Set(d, INFINITY);
  auto best = hn::Set(d, -INFINITY);
  auto below = hn::Eq(best, best);
  std::size_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    const auto score = hn::LoadU(d, scores + i);
    const auto fine = hn::Lt(score, limit);
    below = hn::And(below, fine);
    best = hn::Max(best, hn::IfThenElse(fine, score, best));
  }
  sound = sound && hn::AllTrue(d, below);
  float most = hn::GetLane(hn::MaxOfLanes(d, best));
  for (; i < size; ++i) {
    sound = sound && scores[i] < INFINITY;
    most = scores[i] > most ? scores[i] : most;
  }
  return most;
}

bool maxima_of(std::span<const float> scores, std::size_t block, std::span<float> maxima) {
  bool sound = true;
  for (std::size_t b = 0; b < maxima.size(); ++b) {
    const std::size_t first = b * block;
    maxima[b] = maximum_of(scores.data() + first, std::min(block, scores.size() - first), sound);
  }
  return sound;
}

}  // namespace gptc::driver::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::driver {
namespace {

HWY_EXPORT(maxima_of);

}  // namespace

bool find_maxima(std::span<const float> scores, std::size_t block, std::span<float> maxima) {
  return HWY_DYNAMIC_DISPATCH(maxima_of)(scores, block, maxima);
}

}  // namespace gptc::driver
#endif

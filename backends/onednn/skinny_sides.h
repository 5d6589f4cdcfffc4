// What skinny products read, whatever the instructions.
#pragma once

#include <cstddef>

#include "backends/onednn/skinny.h"

namespace gptc::onednn {

/// Bytes. The processor itself fetches long streams; this carries them over the ends of pages.
constexpr std::size_t far_ahead = 1024;

/// What is fetched while a channel is read: into the second-level cache, which takes more fetches
/// at a time than the first.
struct Ahead {
  std::size_t bytes;   // behind where the channel starts
  unsigned shift = 0;  // of every 2^shift lines that are read, one is fetched

  /// Inlined before the compiler could find that a call of it changes nothing.
  __attribute__((always_inline)) void fetch(const std::byte* start, std::size_t at) const {
    __builtin_prefetch(start + bytes + (at >> shift), 0, 2);
  }
};

/// Rows of x, `x_stride` bytes apart, and of w (a channel each), as the form has them.
struct Sides {
  const std::byte* x;
  std::size_t x_stride;
  const std::byte* w;
  std::size_t inner;
  std::size_t channel;    // bytes of w's
  const float* scales;    // of w's first channel, for i4
  std::size_t apart = 0;  // channels between those that are walked together
  Ahead ahead = {0};

  Sides(const SkinnyProblem& problem, const std::byte* of_x, std::size_t stride)
      : x(of_x),
        x_stride(stride),
        w(problem.w),
        inner(problem.inner),
        channel(problem.channel_bytes()),
        scales(problem.scales) {}

  void skip(std::size_t channels) {
    w += channels * channel;
    if (scales != nullptr) scales += channels * (inner / i4_group);
  }
};

}  // namespace gptc::onednn

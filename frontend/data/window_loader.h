#pragma once

#include <cstdint>
#include <span>

#include "frontend/data/token_view.h"

namespace gptc::data {

struct LoaderOptions {
  /// Windows of one micro-batch (B).
  std::int64_t batch = 1;
  /// Positions of a window (T).
  std::int64_t context = 1;
  std::uint64_t seed = 0;
};

/// Training batches from a stream of n tokens (not owned). What a micro-batch holds is a function
/// of the seed and the micro-batch's index alone, so resuming a run needs no state of the loader,
/// and any thread may ask for any batch.
///
/// An epoch cuts the stream into windows() windows of T tokens, one after the other without
/// overlap, and visits each once in an order of its own. Each epoch begins to cut at an offset of
/// its own: so every token meets new left contexts and positions from epoch to epoch, and the few
/// tokens left over at the ends are others each time. Micro-batches run on over the end of an
/// epoch.
class WindowLoader {
 public:
  /// Throws Error if the tokens are fewer than T + 1, or B or T is below 1.
  WindowLoader(const TokenView& tokens, const LoaderOptions& options);

  /// Windows of an epoch: the most that fit whatever the offset.
  [[nodiscard]] std::int64_t windows() const { return static_cast<std::int64_t>(windows_); }

  /// Fills inputs [B,T] and targets [B,T]; targets are the tokens that follow the inputs.
  /// Throws Error if a span is not B * T long, or for an id out of range (see TokenView).
  void micro_batch(std::uint64_t index, std::span<std::int32_t> inputs,
                   std::span<std::int32_t> targets) const;

 private:
  /// Where the window of T + 1 tokens begins.
  [[nodiscard]] std::uint64_t window(std::uint64_t sample) const;

  TokenView tokens_;
  std::uint64_t batch_;
  std::uint64_t context_;
  std::uint64_t seed_;
  std::uint64_t windows_ = 0;
};

}  // namespace gptc::data

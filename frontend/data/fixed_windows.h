#pragma once

#include <cstdint>
#include <span>

#include "frontend/data/token_view.h"

namespace gptc::data {

/// What a target holds where there is nothing to predict; the loss leaves such positions out.
inline constexpr std::int32_t no_target = -1;

struct FixedWindowsOptions {
  /// Windows of one batch (B).
  std::int64_t batch = 1;
  /// Positions of a window (T).
  std::int64_t context = 1;
  /// At most this many windows, spread evenly over the stream; 0 takes all.
  std::int64_t max_windows = 0;
};

/// The same validation windows every time, so that two validation losses differ by the model alone.
/// The stream (not owned) is cut from its start into windows of T without overlap; the last, if
/// partial, is filled up with input 0 and target `no_target`, as are the rows after the last window
/// of the last batch.
class FixedWindows {
 public:
  /// Throws Error if there are fewer than 2 tokens, or B or T is below 1, or max_windows below 0.
  FixedWindows(const TokenView& tokens, const FixedWindowsOptions& options);

  [[nodiscard]] std::int64_t windows() const { return static_cast<std::int64_t>(windows_); }
  [[nodiscard]] std::int64_t batches() const {
    return static_cast<std::int64_t>((windows_ + batch_ - 1) / batch_);
  }
  /// Positions with a target in all batches: what the sum of their losses is divided by.
  [[nodiscard]] std::int64_t targets() const;

  /// Fills inputs [B,T] and targets [B,T] of batch `index` < batches(). Returns the number of
  /// positions with a target. Throws Error if a span is not B * T long, the index is too large, or
  /// an id is out of range (see TokenView).
  std::int64_t batch(std::int64_t index, std::span<std::int32_t> inputs,
                     std::span<std::int32_t> targets) const;

 private:
  /// Where window `index` < windows_ begins, and its targets: 1 to T.
  struct Window {
    std::uint64_t begin;
    std::uint64_t targets;
  };
  [[nodiscard]] Window window(std::uint64_t index) const;

  TokenView tokens_;
  std::uint64_t batch_;
  std::uint64_t context_;
  std::uint64_t cut_ = 0;      // windows in the stream
  std::uint64_t windows_ = 0;  // windows taken
};

}  // namespace gptc::data

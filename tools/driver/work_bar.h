// A bar for work whose amount is known: reading, encoding, learning.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/driver/progress.h"

namespace gptc::driver {

class WorkBar {
 public:
  /// Draws on stderr if `style` is a bar; otherwise it stays silent.
  explicit WorkBar(ProgressStyle style);
  WorkBar(const WorkBar&) = delete;
  WorkBar& operator=(const WorkBar&) = delete;
  /// Clears the line.
  ~WorkBar();

  /// `done` of `total` (0: not known), and words behind them; at most ten times a second. Another
  /// `label` begins another piece of work.
  void update(std::string_view label, std::uint64_t done, std::uint64_t total,
              std::string_view words);

 private:
  ProgressStyle style_;
  std::string label_;
  double began_ = 0;
  double drawn_ = 0;
  bool open_ = false;
};

/// "encoding  42% [######..............] 12.3 MiB 0:07 left"; without a total only label and words.
std::string format_work(std::string_view label, std::uint64_t done, std::uint64_t total,
                        std::string_view words, double seconds);

}  // namespace gptc::driver

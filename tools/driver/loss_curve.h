#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/driver/run_log.h"

namespace gptc::driver {

struct LossCurveOptions {
  /// Above the curves; may be empty.
  std::string title;
  /// Drawn as a horizontal line, in nats per token: below it a model has learned from context.
  std::optional<double> unigram_entropy = std::nullopt;
};

/// Draws training and validation loss over steps as a PNG, written whole or not at all, by running
/// gnuplot. Nothing that can go wrong there ends a run: returns a line that says why there is no
/// picture, or nothing if there is one. Throws formats::Error if the file cannot be written.
[[nodiscard]] std::optional<std::string> draw_loss_curve(const std::vector<LogRecord>& records,
                                                         const std::string& path,
                                                         const LossCurveOptions& options);

/// What gnuplot is given; empty if no record has a finite loss.
std::string loss_curve_script(const std::vector<LogRecord>& records,
                              const LossCurveOptions& options);

}  // namespace gptc::driver

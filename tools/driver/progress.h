#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gptc::driver {

/// What a training run shows of itself.
struct ProgressState {
  /// Steps done.
  std::int64_t step = 0;
  double loss = 0;  // nats per token
  double tokens_per_s = 0;
  std::optional<double> val_loss = std::nullopt;  // the last one measured
};

enum class ProgressStyle {
  bar,    // one line that is redrawn
  lines,  // a line at an interval
  quiet,  // only messages
};

/// A bar if `file` is a terminal that can redraw a line, else lines.
ProgressStyle progress_style(int file);

struct ProgressOptions {
  std::int64_t total_steps = 0;
  /// Steps done before this run; they do not count for the time left.
  std::int64_t first_step = 0;
  ProgressStyle style = ProgressStyle::lines;
  /// Seconds between plain lines.
  double interval = 10;
  /// Where to write; stderr.
  int file = 2;
  /// Seconds that only grow; the monotonic clock by default.
  std::function<double()> clock = {};
};

/// Tells a person how a run goes. Never fails: what cannot be written is not.
class Progress {
 public:
  explicit Progress(ProgressOptions options);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Ends the bar's line.
  ~Progress();

  /// Shows the state, at most some ten times a second, or a line when the interval has passed. The
  /// last step is always shown, and of plain lines the first too.
  void update(const ProgressState& state);

  /// Writes a line of its own, above the bar.
  void message(std::string_view text);

  /// Shows the last state and ends the bar's line; nothing follows it. The destructor does the
  /// same.
  void finish();

 private:
  [[nodiscard]] std::optional<double> seconds_left() const;
  void draw();
  void write(std::string_view text) const;

  ProgressOptions options_;
  ProgressState state_;
  double started_ = 0;
  double shown_ = 0;
  bool any_shown_ = false;
  bool pending_ = false;  // a state not yet shown
  bool bar_open_ = false;
};

/// How a bar is drawn: columns of the terminal, and whether it shows more than ASCII.
struct BarLook {
  int width = 80;
  bool unicode = true;
};

/// The bar's line, at most `look.width` columns: the parts that fit, the least important ones left
/// out first.
std::string format_bar(const ProgressState& state, std::int64_t total_steps,
                       std::optional<double> seconds_left, const BarLook& look);

/// A plain line without newline.
std::string format_line(const ProgressState& state, std::int64_t total_steps,
                        std::optional<double> seconds_left);

/// "0:07", "12:34", "3:05:00", "2 d 4 h"
std::string format_duration(double seconds);

/// "950", "18.2k", "1.25M"
std::string format_count(double count);

}  // namespace gptc::driver

#include "tools/driver/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <utility>

namespace gptc::driver {
namespace {

constexpr double redraw_interval = 0.1;
constexpr std::string_view clear_line = "\r\x1b[K";

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const std::string_view value = variable(name); !value.empty())
      return value.find("UTF-8") != value.npos || value.find("utf8") != value.npos;
  return false;
}

int columns_of(int file) {
  constexpr int usual = 80;
  winsize size{};
  return ::ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

}  // namespace

ProgressStyle progress_style(int file) {
  const bool redraws = ::isatty(file) == 1 && variable("TERM") != "dumb";
  return redraws ? ProgressStyle::bar : ProgressStyle::lines;
}

Progress::Progress(ProgressOptions options) : options_(std::move(options)) {
  if (!options_.clock) options_.clock = monotonic_seconds;
  state_.step = options_.first_step;
  started_ = options_.clock();
}

Progress::~Progress() { finish(); }

std::optional<double> Progress::seconds_left() const {
  const std::int64_t done = state_.step - options_.first_step;
  if (done <= 0) return std::nullopt;
  const double a_step = (options_.clock() - started_) / static_cast<double>(done);
  return a_step * static_cast<double>(options_.total_steps - state_.step);
}

void Progress::update(const ProgressState& state) {
  state_ = state;
  pending_ = true;
  const double interval =
      options_.style == ProgressStyle::bar ? redraw_interval : options_.interval;
  const bool due =
      !any_shown_ || options_.clock() - shown_ >= interval || state.step >= options_.total_steps;
  if (due) draw();
}

void Progress::draw() {
  pending_ = false;
  any_shown_ = true;
  shown_ = options_.clock();
  if (options_.style == ProgressStyle::lines)
    write(format_line(state_, options_.total_steps, seconds_left()) + '\n');
  if (options_.style != ProgressStyle::bar) return;
  // A line as wide as the terminal would wrap on some of them.
  const BarLook look{.width = columns_of(options_.file) - 1, .unicode = locale_is_utf8()};
  write(std::string(clear_line) + format_bar(state_, options_.total_steps, seconds_left(), look));
  bar_open_ = true;
}

void Progress::message(std::string_view text) {
  write((bar_open_ ? std::string(clear_line) : std::string()).append(text) + '\n');
  if (bar_open_) draw();
}

void Progress::finish() {
  if (pending_) draw();
  if (bar_open_) write("\n");
  bar_open_ = false;
}

void Progress::write(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t written = ::write(options_.file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace gptc::driver

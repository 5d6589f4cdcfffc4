#include "tools/driver/work_bar.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace gptc::driver {
namespace {

constexpr double redraw_interval = 0.1;  // seconds
constexpr const char* clear_line = "\r\x1b[K";

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

std::string format_work(std::string_view label, std::uint64_t done, std::uint64_t total,
                        std::string_view words, double seconds) {
  constexpr double cells = 24;
  if (total == 0) return fmt::format("{}  {}", label, words);
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto filled = static_cast<std::size_t>(share * cells);
  std::string line =
      fmt::format("{} {:3.0f}% [{}{}] {}", label, share * 100, std::string(filled, '#'),
                  std::string(static_cast<std::size_t>(cells) - filled, '.'), words);
  if (share > 0 && seconds > 1)
    line += fmt::format(", {} left", format_duration(seconds / share - seconds));
  return line;
}

WorkBar::WorkBar(ProgressStyle style) : style_(style) {}

WorkBar::~WorkBar() {
  if (open_) fmt::print(stderr, clear_line);
}

void WorkBar::update(std::string_view label, std::uint64_t done, std::uint64_t total,
                     std::string_view words) {
  if (style_ != ProgressStyle::bar) return;
  const double time = now();
  if (label != label_) {
    label_ = label;
    began_ = time;
  } else if (time - drawn_ < redraw_interval) {
    return;
  }
  drawn_ = time;
  open_ = true;
  fmt::print(stderr, "{}{}", clear_line, format_work(label, done, total, words, time - began_));
  std::fflush(stderr);
}

}  // namespace gptc::driver

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "tools/driver/progress.h"

namespace gptc::driver {
namespace {

/// A part of the bar's line; parts of a higher rank go first when there is no room.
struct Part {
  std::string text;
  int rank;
};

std::vector<Part> parts_of(const ProgressState& state, std::int64_t total,
                           std::optional<double> left) {
  std::vector<Part> parts{{fmt::format("{}/{}", state.step, total), 0},
                          {fmt::format("loss {:.3f}", state.loss), 1}};
  if (state.val_loss) parts.push_back({fmt::format("val {:.3f}", *state.val_loss), 3});
  parts.push_back({fmt::format("{} tok/s", format_count(state.tokens_per_s)), 4});
  if (left) parts.push_back({fmt::format("{} left", format_duration(*left)), 2});
  return parts;
}

std::size_t width_of(const std::vector<Part>& parts) {
  std::size_t width = 0;
  for (const Part& part : parts) width += part.text.size() + 2;
  return width;
}

double share_of(std::int64_t step, std::int64_t total) {
  return total > 0 ? std::clamp(static_cast<double>(step) / static_cast<double>(total), 0.0, 1.0)
                   : 1.0;
}

std::string cells(double share, std::size_t width, bool unicode) {
  constexpr std::string_view eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(width) * 8);
  std::string text;
  for (std::size_t i = 0; i < filled / 8; ++i) text += unicode ? "█" : "#";
  std::size_t used = filled / 8;
  if (unicode && filled % 8 != 0) {
    text += eighths[filled % 8];
    ++used;
  }
  return text.append(width - used, unicode ? ' ' : '.');
}

}  // namespace

std::string format_bar(const ProgressState& state, std::int64_t total_steps,
                       std::optional<double> seconds_left, const BarLook& look) {
  constexpr std::size_t narrowest = 8;
  constexpr std::size_t widest = 40;
  const double share = share_of(state.step, total_steps);
  const std::string percent = fmt::format("{:3.0f}%", std::floor(100 * share));
  const std::string_view open = look.unicode ? " ▕" : " [";
  const std::string_view close = look.unicode ? "▏" : "]";
  constexpr std::size_t frame = 3;

  std::vector<Part> parts = parts_of(state, total_steps, seconds_left);
  const auto width = static_cast<std::size_t>(std::max(look.width, 0));
  while (parts.size() > 1 && percent.size() + frame + narrowest + width_of(parts) > width)
    parts.erase(std::ranges::max_element(parts, {}, &Part::rank));
  const std::size_t used = percent.size() + frame + width_of(parts);
  std::string text = percent;
  if (used + narrowest <= width)
    text += fmt::format("{}{}{}", open, cells(share, std::min(widest, width - used), look.unicode),
                        close);
  else
    text.resize(std::min(text.size(), width));
  for (const Part& part : parts)
    if (used + narrowest <= width || text.size() + part.text.size() + 2 <= width)
      text += "  " + part.text;
  return text;
}

std::string format_line(const ProgressState& state, std::int64_t total_steps,
                        std::optional<double> seconds_left) {
  std::string text = "step";
  for (const Part& part : parts_of(state, total_steps, seconds_left))
    text += (text == "step" ? " " : "  ") + part.text;
  return text;
}

std::string format_duration(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "?";
  const std::int64_t whole = std::llround(seconds);
  constexpr std::int64_t minute = 60;
  constexpr std::int64_t hour = 60 * minute;
  constexpr std::int64_t day = 24 * hour;
  if (whole >= day) return fmt::format("{} d {} h", whole / day, whole % day / hour);
  if (whole >= hour)
    return fmt::format("{}:{:02}:{:02}", whole / hour, whole % hour / minute, whole % minute);
  return fmt::format("{}:{:02}", whole / minute, whole % minute);
}

std::string format_count(double count) {
  if (!(count >= 0)) return "?";
  if (count < 999.5) return fmt::format("{:.0f}", count);
  if (count < 999950) return fmt::format("{:.1f}k", count / 1000);
  return fmt::format("{:.2f}M", count / 1e6);
}

}  // namespace gptc::driver

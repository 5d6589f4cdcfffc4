#include "tools/driver/sampling/stop_filter.h"

#include <algorithm>
#include <utility>

#include "ir/check.h"

namespace gptc::driver {

StopFilter::StopFilter(std::vector<std::string> stops) : stops_(std::move(stops)) {
  for (const std::string& stop : stops_)
    ir::user_check(!stop.empty(), "--stop: it must be a text of at least one byte, but is empty");
}

/// Bytes of held_ before the longest end of it that begins a stop string.
std::size_t StopFilter::certain() const {
  std::size_t most = 0;
  for (const std::string& stop : stops_) {
    for (std::size_t length = std::min(stop.size() - 1, held_.size()); length > most; --length) {
      if (std::string_view(held_).ends_with(std::string_view(stop).substr(0, length)))
        most = length;
    }
  }
  return held_.size() - most;
}

std::string StopFilter::push(std::string_view text) {
  if (stopped_) return "";
  held_ += text;
  std::size_t begin = std::string::npos;
  std::size_t end = std::string::npos;
  for (const std::string& stop : stops_) {
    const std::size_t at = held_.find(stop);
    if (at == std::string::npos) continue;
    const std::size_t behind = at + stop.size();
    if (behind < end || (behind == end && at < begin)) {
      begin = at;
      end = behind;
    }
  }
  stopped_ = end != std::string::npos;
  std::string out = held_.substr(0, stopped_ ? begin : certain());
  held_.erase(0, stopped_ ? held_.size() : out.size());
  return out;
}

std::string StopFilter::finish() { return std::exchange(held_, ""); }

}  // namespace gptc::driver

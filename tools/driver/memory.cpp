#include "tools/driver/memory.h"

#include <fmt/format.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <string>
#include <utility>

#include "ir/check.h"

namespace gptc::driver {
namespace {

constexpr std::array<std::pair<std::string_view, double>, 14> units = {{{"", 1},
                                                                        {"B", 1},
                                                                        {"K", 0x1p10},
                                                                        {"M", 0x1p20},
                                                                        {"G", 0x1p30},
                                                                        {"T", 0x1p40},
                                                                        {"KiB", 0x1p10},
                                                                        {"MiB", 0x1p20},
                                                                        {"GiB", 0x1p30},
                                                                        {"TiB", 0x1p40},
                                                                        {"KB", 1e3},
                                                                        {"MB", 1e6},
                                                                        {"GB", 1e9},
                                                                        {"TB", 1e12}}};

/// "VmHWM:     1234 kB" → 1234 · 1024; 0 for other lines.
std::int64_t field(const std::string& line, std::string_view name) {
  if (!line.starts_with(name)) return 0;
  const std::size_t digit = line.find_first_of("0123456789");
  if (digit == std::string::npos) return 0;
  std::int64_t value = 0;
  std::from_chars(line.data() + digit, line.data() + line.size(), value);
  return value * 1024;
}

}  // namespace

std::int64_t parse_bytes(std::string_view flag, std::string_view text) {
  if (text.empty()) return 0;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  const auto* const found =
      std::find_if(units.begin(), units.end(), [&](const auto& u) { return u.first == unit; });
  const double bytes = found == units.end() ? -1 : number * found->second;
  ir::user_check(error == std::errc{} && bytes >= 1 && bytes < 0x1p62,
                 "{}: it must be a size such as 2GiB, 512MiB or a number of bytes, but got '{}'",
                 flag, text);
  return static_cast<std::int64_t>(std::floor(bytes));
}

OwnMemory own_memory() {
  std::ifstream status("/proc/self/status");
  std::string line;
  std::int64_t files = 0;
  OwnMemory memory;
  while (std::getline(status, line)) {
    memory.most += field(line, "VmHWM:");
    memory.now += field(line, "RssAnon:") + field(line, "RssShmem:");
    files += field(line, "RssFile:");
  }
  memory.most = std::max(memory.now, memory.most - files);
  return memory;
}

void forget_memory_peak() {
  std::ofstream("/proc/self/clear_refs") << "5";  // resets VmHWM
}

void return_free_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

void return_large_blocks_at_once() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

std::int64_t own_memory_at_start() {
  static const std::int64_t bytes = own_memory().now;
  return bytes;
}

bool MemoryContract::holds() const {
  constexpr std::int64_t small = 20'000'000;
  return measured <= planned + planned / 100 + small;
}

std::string MemoryContract::text() const {
  return fmt::format("plan {}, measured {}", size_text(planned), size_text(measured));
}

MemoryContract memory_contract(std::int64_t planned) {
  return {planned, own_memory().most - own_memory_at_start()};
}

std::string size_text(std::int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  return value >= 0x1p30 ? fmt::format("{:.2f} GiB", value / 0x1p30)
                         : fmt::format("{:.1f} MiB", value / 0x1p20);
}

}  // namespace gptc::driver

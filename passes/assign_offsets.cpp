#include "passes/assign_offsets.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "ir/program.h"

namespace gptc::passes {
namespace {

std::int64_t aligned(std::int64_t bytes) {
  return (bytes + ir::buffer_alignment - 1) / ir::buffer_alignment * ir::buffer_alignment;
}

using Order = std::vector<std::size_t>;
using Less = bool (*)(const Interval& a, const Interval& b);

struct Strategy {
  std::string_view name;
  Less less;  // who is placed first
};

double area(const Interval& i) {
  return static_cast<double>(i.bytes) *
         (static_cast<double>(i.end) - static_cast<double>(i.begin) + 1);
}

constexpr std::array<Strategy, 4> strategies = {{
    {"largest first", [](const Interval& a, const Interval& b) { return a.bytes > b.bytes; }},
    {"longest first",
     [](const Interval& a, const Interval& b) { return a.end - a.begin > b.end - b.begin; }},
    {"largest area first", [](const Interval& a, const Interval& b) { return area(a) > area(b); }},
    {"earliest first", [](const Interval& a, const Interval& b) { return a.begin < b.begin; }},
}};

/// Into the smallest gap that fits among the placed intervals alive at the same time.
Offsets place(std::span<const Interval> intervals, const Strategy& strategy) {
  Order order(intervals.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return strategy.less(intervals[a], intervals[b]);
  });
  Offsets result{.offsets = std::vector<std::int64_t>(intervals.size()), .strategy = strategy.name};
  Order placed;  // by offset
  placed.reserve(intervals.size());
  for (const std::size_t current : order) {
    const Interval& wanted = intervals[current];
    const std::int64_t bytes = aligned(wanted.bytes);
    std::int64_t best = -1;
    std::int64_t best_gap = std::numeric_limits<std::int64_t>::max();
    std::int64_t free_from = 0;
    for (const std::size_t other : placed) {
      const Interval& there = intervals[other];
      if (there.begin > wanted.end || wanted.begin > there.end) continue;
      const std::int64_t gap = result.offsets[other] - free_from;
      if (gap >= bytes && gap < best_gap) {
        best = free_from;
        best_gap = gap;
      }
      free_from = std::max(free_from, result.offsets[other] + aligned(there.bytes));
    }
    const std::int64_t offset = best >= 0 ? best : free_from;
    result.offsets[current] = offset;
    result.peak = std::max(result.peak, offset + bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), offset,
                                   [&](std::int64_t at, std::size_t other) {
                                     return at < result.offsets[other];
                                   }),
                  current);
  }
  return result;
}

}  // namespace

Offsets assign_offsets(std::span<const Interval> intervals) {
  Offsets best;
  best.peak = std::numeric_limits<std::int64_t>::max();
  const std::int64_t bound = lower_bound(intervals);
  for (const Strategy& strategy : strategies) {
    Offsets candidate = place(intervals, strategy);
    if (candidate.peak < best.peak) best = std::move(candidate);
    if (best.peak == bound) break;
  }
  return best;
}

std::int64_t lower_bound(std::span<const Interval> intervals) {
  struct Change {
    std::uint32_t step;
    std::int64_t bytes;
  };
  std::vector<Change> changes;
  changes.reserve(2 * intervals.size());
  for (const Interval& i : intervals) {
    changes.push_back({i.begin, aligned(i.bytes)});
    changes.push_back({i.end + 1, -aligned(i.bytes)});
  }
  std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    return a.step != b.step ? a.step < b.step : a.bytes < b.bytes;
  });
  std::int64_t live = 0;
  std::int64_t most = 0;
  for (const Change& change : changes) {
    live += change.bytes;
    most = std::max(most, live);
  }
  return most;
}

}  // namespace gptc::passes

// Offsets of intervals: random ones by their rules, small ones by their known optimum.
#include "passes/assign_offsets.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "ir/program.h"
#include "tests/support/random_values.h"

namespace gptc::passes {
namespace {

std::int64_t aligned(std::int64_t bytes) {
  return (bytes + ir::buffer_alignment - 1) / ir::buffer_alignment * ir::buffer_alignment;
}

bool at_once(const Interval& a, const Interval& b) { return a.begin <= b.end && b.begin <= a.end; }

/// "" or the rule that does not hold.
std::string broken_rule(const std::vector<Interval>& intervals, const Offsets& result) {
  if (result.offsets.size() != intervals.size()) return "an offset for each interval";
  std::int64_t top = 0;
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    const std::int64_t offset = result.offsets[i];
    if (offset < 0 || offset % ir::buffer_alignment != 0) return "aligned offsets";
    top = std::max(top, offset + aligned(intervals[i].bytes));
    for (std::size_t j = 0; j < i; ++j) {
      const bool apart = offset + intervals[i].bytes <= result.offsets[j] ||
                         result.offsets[j] + intervals[j].bytes <= offset;
      if (at_once(intervals[i], intervals[j]) && !apart)
        return fmt::format("intervals {} and {} apart", i, j);
    }
  }
  return top == result.peak ? "" : "the peak is the highest end";
}

/// The bound by its definition: step by step.
std::int64_t slow_bound(const std::vector<Interval>& intervals) {
  std::uint32_t last = 0;
  for (const Interval& interval : intervals) last = std::max(last, interval.end);
  std::int64_t most = 0;
  for (std::uint32_t step = 0; step <= last; ++step) {
    std::int64_t live = 0;
    for (const Interval& interval : intervals) {
      if (interval.begin <= step && step <= interval.end) live += aligned(interval.bytes);
    }
    most = std::max(most, live);
  }
  return most;
}

std::vector<Interval> random_intervals(testing::Random& random) {
  std::vector<Interval> intervals(static_cast<std::size_t>(random.integer(0, 40)));
  const std::int64_t steps = random.integer(1, 30);
  for (Interval& interval : intervals) {
    interval.bytes = random.integer(1, random.integer(0, 1) == 0 ? 70 : 5000);
    interval.begin = static_cast<std::uint32_t>(random.integer(0, steps));
    interval.end = interval.begin + static_cast<std::uint32_t>(random.integer(0, steps / 2));
  }
  return intervals;
}

TEST(AssignOffsets, KeepsItsRulesOnRandomIntervals) {
  double waste = 0;
  for (int i = 0; i < 500; ++i) {
    testing::Random random(fmt::format("intervals {}", i));
    const std::vector<Interval> intervals = random_intervals(random);
    const Offsets result = assign_offsets(intervals);
    ASSERT_EQ(broken_rule(intervals, result), "") << "intervals " << i;
    ASSERT_EQ(lower_bound(intervals), slow_bound(intervals)) << "intervals " << i;
    ASSERT_GE(result.peak, lower_bound(intervals));
    if (result.peak > 0) {
      waste += static_cast<double>(result.peak) / static_cast<double>(lower_bound(intervals)) - 1;
    }
  }
  EXPECT_LT(waste / 500, 0.05);
}

struct Known {
  const char* name;
  std::vector<Interval> intervals;
  std::int64_t peak;
};

TEST(AssignOffsets, FindsKnownOptima) {
  const Known cases[] = {
      {"nothing", {}, 0},
      {"one byte takes a line", {{1, 0, 0}}, 64},
      {"one behind the other", {{64, 0, 1}, {64, 2, 3}, {64, 4, 9}}, 64},
      {"ends are included", {{64, 0, 1}, {64, 1, 2}}, 128},
      {"all at once", {{100, 0, 5}, {64, 2, 3}, {65, 3, 4}}, 128 + 64 + 128},
      {"two small ones in the gap of a large one",
       {{256, 0, 1}, {128, 2, 3}, {128, 2, 3}, {64, 0, 3}},
       320},
      {"a long one must not lie in the middle",
       {{64, 0, 9}, {256, 0, 2}, {128, 1, 5}, {320, 4, 9}},
       512},
      {"many lives through one place", {{640, 0, 0}, {640, 1, 1}, {640, 2, 2}, {64, 0, 2}}, 704},
  };
  for (const Known& known : cases) {
    const Offsets result = assign_offsets(known.intervals);
    EXPECT_EQ(broken_rule(known.intervals, result), "") << known.name;
    EXPECT_EQ(result.peak, known.peak) << known.name;
    EXPECT_GE(result.peak, lower_bound(known.intervals)) << known.name;
  }
}

/// The test of the test.
TEST(AssignOffsets, TheRulesSeeMistakes) {
  const std::vector<Interval> intervals = {{64, 0, 1}, {64, 1, 2}, {64, 5, 6}};
  EXPECT_EQ(broken_rule(intervals, {{0, 64, 0}, 128, ""}), "");
  EXPECT_EQ(broken_rule(intervals, {{0, 0, 0}, 64, ""}), "intervals 1 and 0 apart");
  EXPECT_EQ(broken_rule(intervals, {{0, 96, 0}, 160, ""}), "aligned offsets");
  EXPECT_EQ(broken_rule(intervals, {{0, 64, 0}, 64, ""}), "the peak is the highest end");
}

}  // namespace
}  // namespace gptc::passes

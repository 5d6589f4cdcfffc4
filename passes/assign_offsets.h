// Memory planning as a pure function: sizes and lifetimes in, offsets out.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace gptc::passes {

/// `bytes` needed from step `begin` to step `end`, both included.
struct Interval {
  std::int64_t bytes = 0;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

struct Offsets {
  std::vector<std::int64_t> offsets;  // by interval
  std::int64_t peak = 0;
  std::string_view strategy;  // the one that gave the least peak
};

/// Tries every strategy of a table, then searches around the best one, until the peak is within a
/// thousandth of the bound or a fixed amount of work is done: equal intervals give equal offsets.
/// Offsets are multiples of ir::buffer_alignment.
Offsets assign_offsets(std::span<const Interval> intervals);

/// Rounded up to ir::buffer_alignment.
std::int64_t aligned(std::int64_t bytes);

/// The most bytes (rounded up to the alignment) needed at one step: no plan can be smaller.
std::int64_t lower_bound(std::span<const Interval> intervals);

/// The first step at which that many bytes are needed.
std::uint32_t busiest_step(std::span<const Interval> intervals);

}  // namespace gptc::passes

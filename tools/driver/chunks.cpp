#include "tools/driver/chunks.h"

#include <algorithm>
#include <array>

namespace gptc::driver {
namespace {

/// What a chunk of several tokens takes beside them, in tokens: its weights are read and packed.
constexpr std::int64_t chunk_cost = 20;

struct Way {
  std::int64_t first;  // length
  std::int64_t cost;   // of all chunks, in tokens
};

Way best_way(std::int64_t count, std::span<const std::int64_t> lengths) {
  const auto cost = [](std::int64_t length) { return length + chunk_cost; };
  const auto holds = std::ranges::lower_bound(lengths, count);
  if (holds != lengths.end() && *holds == count) return {count, cost(count)};
  const std::int64_t below = *(holds - 1);
  const std::int64_t rest = count % below;
  std::int64_t split = count / below * cost(below);
  if (rest > 0) split += best_way(rest, lengths).cost;
  if (holds != lengths.end() && cost(*holds) <= split) return {*holds, cost(*holds)};
  return {below, split};
}

}  // namespace

std::vector<std::int64_t> chunk_lengths(std::int64_t context, std::int64_t batch) {
  constexpr std::array<std::int64_t, 5> all = {1, 16, 64, 256, 1024};
  constexpr std::int64_t always = 16;
  constexpr std::int64_t most_tokens = 1024;
  std::vector<std::int64_t> lengths;
  for (const std::int64_t length : all) {
    if (length <= context && (length <= always || length * batch <= most_tokens))
      lengths.push_back(length);
  }
  return lengths;
}

std::int64_t next_chunk(std::int64_t count, std::span<const std::int64_t> lengths) {
  return best_way(count, lengths).first;
}

}  // namespace gptc::driver

#include "tools/driver/chunks.h"

#include <algorithm>
#include <array>

namespace gptc::driver {
namespace {

/// What a chunk of several tokens takes beside them, in tokens: its weights are read and packed.
constexpr std::int64_t chunk_cost = 20;
/// New lengths are multiples of it, so that texts about as long share one.
constexpr std::int64_t fit_step = 8;

struct Way {
  std::int64_t first;  // length
  std::int64_t cost;   // of all chunks, in tokens
};

class Cutter {
 public:
  Cutter(std::span<const ChunkLength> lengths, const ReadingCosts& costs)
      : lengths_(lengths), costs_(costs) {}

  Way best(std::int64_t count) const {
    const auto holds = std::ranges::lower_bound(lengths_, count, {}, &ChunkLength::positions);
    if (holds != lengths_.end() && holds->positions == count && holds->ready)
      return times(*holds, 1);
    Way way = fitting(count);
    const auto consider = [&](const Way& other) {
      if (other.cost < way.cost) way = other;
    };
    for (auto length = holds; length != lengths_.end(); ++length) consider(times(*length, 1));
    // The longest that the tokens fill, and the longest of those that are ready.
    for (auto length = holds; length != lengths_.begin();) {
      --length;
      if (length + 1 == holds || length->ready) consider(split(count, *length));
      if (length->ready) break;
    }
    return way;
  }

 private:
  Way times(const ChunkLength& length, std::int64_t chunks) const {
    return {length.positions, chunks * (length.positions * costs_.batch + chunk_cost) +
                                  (length.ready ? 0 : costs_.graph)};
  }
  /// By a length of the tokens' own, as long as the longest if that is shorter.
  Way fitting(std::int64_t count) const {
    const std::int64_t fitted = (count + fit_step - 1) / fit_step * fit_step;
    const ChunkLength& last = lengths_.back();
    return fitted < last.positions ? times({fitted}, 1)
                                   : times(last, (count - 1) / last.positions + 1);
  }
  Way split(std::int64_t count, const ChunkLength& length) const {
    Way way = times(length, count / length.positions);
    const std::int64_t rest = count % length.positions;
    if (rest > 0) way.cost += best(rest).cost;
    return way;
  }

  std::span<const ChunkLength> lengths_;
  ReadingCosts costs_;
};

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

std::int64_t next_chunk(std::int64_t count, std::span<const ChunkLength> lengths,
                        const ReadingCosts& costs) {
  return Cutter(lengths, costs).best(count).first;
}

}  // namespace gptc::driver

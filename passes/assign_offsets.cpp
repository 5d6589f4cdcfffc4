#include "passes/assign_offsets.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <numeric>

#include "ir/program.h"

namespace gptc::passes {
namespace {

using Order = std::vector<std::size_t>;
using Less = bool (*)(const Interval& a, const Interval& b);

/// both_ends: as low as possible what begins up to a turn, as high as possible what begins later.
/// So what grows then (gradients) meets what shrinks (activations).
enum class Fit : std::uint8_t { smallest_gap, lowest_gap, both_ends };

struct Strategy {
  std::string_view name;
  Less less;  // who is placed first
  Fit fit = Fit::smallest_gap;
};

double area(const Interval& i) {
  return static_cast<double>(i.bytes) *
         (static_cast<double>(i.end) - static_cast<double>(i.begin) + 1);
}

bool larger(const Interval& a, const Interval& b) { return a.bytes > b.bytes; }
bool longer(const Interval& a, const Interval& b) { return a.end - a.begin > b.end - b.begin; }
bool larger_area(const Interval& a, const Interval& b) { return area(a) > area(b); }
bool earlier(const Interval& a, const Interval& b) { return a.begin < b.begin; }
bool ends_later(const Interval& a, const Interval& b) { return a.end > b.end; }

constexpr std::array<Strategy, 10> strategies = {{
    {"largest first", larger},
    {"longest first", longer},
    {"largest area first", larger_area},
    {"earliest first", earlier},
    {"largest first, low", larger, Fit::lowest_gap},
    {"longest first, low", longer, Fit::lowest_gap},
    {"largest area first, low", larger_area, Fit::lowest_gap},
    {"latest end first, low", ends_later, Fit::lowest_gap},
    {"longest first, both ends", longer, Fit::both_ends},
    {"latest end first, both ends", ends_later, Fit::both_ends},
}};

struct Change {
  std::uint32_t step;
  std::int64_t bytes;
};

std::vector<Change> changes_of(std::span<const Interval> intervals) {
  std::vector<Change> changes;
  changes.reserve(2 * intervals.size());
  for (const Interval& i : intervals) {
    changes.push_back({i.begin, aligned(i.bytes)});
    changes.push_back({i.end + 1, -aligned(i.bytes)});
  }
  std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    return a.step != b.step ? a.step < b.step : a.bytes < b.bytes;
  });
  return changes;
}

struct Busiest {
  std::int64_t bytes = 0;
  std::uint32_t step = 0;
};

Busiest busiest(std::span<const Interval> intervals) {
  Busiest most;
  std::int64_t live = 0;
  for (const Change& change : changes_of(intervals)) {
    live += change.bytes;
    if (live > most.bytes) most = {live, change.step};
  }
  return most;
}

/// For Fit::both_ends: how high it reaches, and when it turns.
struct Room {
  std::int64_t bytes = 0;
  std::uint32_t turn = 0;
};

/// The turn is the busiest step but for what lives to the end.
Room room_of(std::span<const Interval> intervals) {
  std::uint32_t last = 0;
  for (const Interval& i : intervals) last = std::max(last, i.end);
  std::vector<Interval> passing;
  std::copy_if(intervals.begin(), intervals.end(), std::back_inserter(passing),
               [&](const Interval& i) { return i.end < last; });
  return {busiest(intervals).bytes, busiest(passing).step};
}

struct Placed {
  std::int64_t from;
  std::int64_t to;
  std::uint32_t begin;
  std::uint32_t end;
};

/// One after the other into a gap among those placed before that live at the same time.
class Placement {
 public:
  Placement(std::span<const Interval> intervals, const Strategy& strategy, const Room& room)
      : intervals_(intervals), strategy_(strategy), room_(room) {}

  Offsets run(std::span<const std::size_t> order) {
    Offsets result{.offsets = std::vector<std::int64_t>(intervals_.size()),
                   .strategy = strategy_.name};
    placed_.clear();
    placed_.reserve(intervals_.size());
    for (const std::size_t current : order) {
      const Interval& wanted = intervals_[current];
      const std::int64_t bytes = aligned(wanted.bytes);
      const std::int64_t offset = offset_of(wanted, bytes);
      result.offsets[current] = offset;
      result.peak = std::max(result.peak, offset + bytes);
      const auto after =
          std::upper_bound(placed_.begin(), placed_.end(), offset,
                           [](std::int64_t at, const Placed& other) { return at < other.from; });
      placed_.insert(after, {offset, offset + bytes, wanted.begin, wanted.end});
    }
    return result;
  }

 private:
  std::int64_t offset_of(const Interval& wanted, std::int64_t bytes) const {
    const bool high = strategy_.fit == Fit::both_ends && wanted.begin > room_.turn;
    std::int64_t best = -1;
    std::int64_t best_gap = std::numeric_limits<std::int64_t>::max();
    std::int64_t free_from = 0;
    for (const Placed& there : placed_) {
      if (there.begin > wanted.end || wanted.begin > there.end) continue;
      const std::int64_t gap = there.from - free_from;
      if (gap >= bytes && high) {
        best = there.from - bytes;
      } else if (gap >= bytes && gap < best_gap) {
        best = free_from;
        best_gap = gap;
        if (strategy_.fit != Fit::smallest_gap) break;
      }
      free_from = std::max(free_from, there.to);
    }
    if (high && free_from + bytes <= room_.bytes) return room_.bytes - bytes;
    return best >= 0 ? best : free_from;
  }

  std::span<const Interval> intervals_;
  const Strategy& strategy_;
  Room room_;
  std::vector<Placed> placed_;  // by offset
};

Order sorted(std::span<const Interval> intervals, const Strategy& strategy, const Room& room) {
  Order order(intervals.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto sort = [&](Order::iterator end, Less less) {
    std::stable_sort(order.begin(), end, [&](std::size_t a, std::size_t b) {
      return less(intervals[a], intervals[b]);
    });
  };
  sort(order.end(), strategy.less);
  if (strategy.fit != Fit::both_ends) return order;
  // What lives at the turn fills it from below; whoever ends first is on top.
  const auto others = std::stable_partition(order.begin(), order.end(), [&](std::size_t i) {
    return intervals[i].begin <= room.turn && room.turn <= intervals[i].end;
  });
  sort(others, ends_later);
  return order;
}

/// Good enough to look no further.
bool is_good(std::int64_t peak, std::int64_t bound) { return peak <= bound + bound / 1000; }

/// Moves whoever ends at the peak towards the front of the order, where room is still free; keeps
/// what is not worse. Where it moves to is drawn from a fixed sequence. Only what is large takes
/// part; the small find their places at the end.
class Search {
 public:
  Search(std::span<const Interval> intervals, const Strategy& strategy, const Room& room)
      : intervals_(intervals),
        placement_(intervals, strategy, room),
        order_(sorted(intervals, strategy, room)),
        bound_(room.bytes) {
    constexpr std::int64_t small = 2000;  // parts of the bound
    const auto first_small =
        std::stable_partition(order_.begin(), order_.end(),
                              [&](std::size_t i) { return intervals[i].bytes >= bound_ / small; });
    large_ = first_small - order_.begin();
  }

  /// Looks at about `work` pairs of intervals.
  Offsets run(std::size_t work) {
    constexpr std::size_t most_trials = 2000;
    const auto count = static_cast<std::size_t>(large_);
    const std::size_t trials = std::min(most_trials, work / (count * count / 2 + 1));
    Offsets here = placement_.run(large_of(order_));
    for (std::size_t trial = 0; trial < trials && !is_good(here.peak, bound_); ++trial) {
      Order moved = order_;
      promote_highest(here, moved);
      Offsets next = placement_.run(large_of(moved));
      if (next.peak > here.peak) continue;
      here = std::move(next);
      order_ = std::move(moved);
    }
    return placement_.run(order_);
  }

 private:
  std::span<const std::size_t> large_of(const Order& order) const {
    return std::span(order).first(static_cast<std::size_t>(large_));
  }

  std::size_t draw(std::ptrdiff_t below) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::size_t>(state_ >> 33) % static_cast<std::size_t>(below);
  }

  void promote_highest(const Offsets& offsets, Order& order) {
    const auto at_peak = [&](std::size_t i) {
      return offsets.offsets[i] + aligned(intervals_[i].bytes) == offsets.peak;
    };
    const auto end = order.begin() + large_;
    const auto top = std::find_if(order.begin(), end, at_peak);
    if (top == order.begin()) {  // it lies alone at the front: shuffle another one there
      std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(draw(large_)), end);
      return;
    }
    const auto target = order.begin() + static_cast<std::ptrdiff_t>(draw(top - order.begin()));
    std::rotate(target, top, top + 1);
  }

  std::span<const Interval> intervals_;
  Placement placement_;
  Order order_;               // the large ones first
  std::ptrdiff_t large_ = 0;  // how many
  std::int64_t bound_;
  std::uint64_t state_ = 1;
};

}  // namespace

Offsets assign_offsets(std::span<const Interval> intervals) {
  constexpr std::size_t work = 300'000'000;  // some tenths of a second
  const Room room = room_of(intervals);
  Offsets best{.offsets = {}, .peak = std::numeric_limits<std::int64_t>::max(), .strategy = ""};
  const Strategy* winner = strategies.data();
  for (const Strategy& strategy : strategies) {
    Offsets candidate = Placement(intervals, strategy, room).run(sorted(intervals, strategy, room));
    if (candidate.peak < best.peak) {
      best = std::move(candidate);
      winner = &strategy;
    }
    if (is_good(best.peak, room.bytes)) return best;
  }
  const auto search = [&](const Strategy& strategy, std::size_t share) {
    if (is_good(best.peak, room.bytes)) return;
    Offsets searched = Search(intervals, strategy, room).run(share);
    if (searched.peak < best.peak) best = std::move(searched);
  };
  search(*winner, work / 2);
  for (const Strategy& strategy : strategies) search(strategy, work / 2 / strategies.size());
  return best;
}

std::int64_t aligned(std::int64_t bytes) {
  return (bytes + ir::buffer_alignment - 1) / ir::buffer_alignment * ir::buffer_alignment;
}

std::int64_t lower_bound(std::span<const Interval> intervals) { return busiest(intervals).bytes; }

std::uint32_t busiest_step(std::span<const Interval> intervals) { return busiest(intervals).step; }

}  // namespace gptc::passes

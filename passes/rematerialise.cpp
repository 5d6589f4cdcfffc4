#include "passes/rematerialise.h"

#include <algorithm>
#include <cmath>

#include "passes/assign_offsets.h"
#include "passes/buffers.h"
#include "passes/keep_cut.h"
#include "passes/segments.h"

namespace gptc::passes {
namespace {

constexpr int steps_of_a_target = 4;      // points on the way from one cut to the next
constexpr std::int64_t least_gain = 500;  // a point must save a 500th of the bound

NodeSet joined(const NodeSet& a, const NodeSet& b) {
  NodeSet both = a;
  for (std::size_t i = 0; i < both.size(); ++i) both[i] = a[i] || b[i];
  return both;
}

/// `from` and the first `part` of `steps_of_a_target` parts of what `to` has besides.
NodeSet part_way(const NodeSet& from, const NodeSet& to, int part) {
  const auto more = static_cast<int>(std::count(to.begin(), to.end(), true) -
                                     std::count(from.begin(), from.end(), true));
  int left = more * part / steps_of_a_target;
  NodeSet result = from;
  for (std::size_t i = 0; i < to.size() && left > 0; ++i) {
    if (!to[i] || from[i]) continue;
    result[i] = true;
    --left;
  }
  return result;
}

std::vector<double> seconds_of(const ir::Graph& graph, const Ceilings& ceilings) {
  std::vector<double> seconds(graph.slots());
  for (const ir::NodeId id : graph.nodes()) seconds[id.index] = least_seconds(graph, id, ceilings);
  return seconds;
}

}  // namespace

Frontier::Frontier(const ir::Graph& graph, const PassContext& context, const Ceilings& ceilings)
    : graph_(graph),
      context_(context),
      ceilings_(ceilings),
      forward_(graph),
      sets_({NodeSet(graph.slots())}),
      reached_(graph.slots()),
      bound_(live_bound(graph, context)) {}

std::int64_t Frontier::bound_of(const NodeSet& again) const {
  return live_bound(recompute(graph_, forward_, again), context_);
}

FrontierPoint Frontier::planned(const NodeSet& again) const {
  const ir::Graph graph = recompute(graph_, forward_, again);
  const Offsets offsets =
      assign_offsets(arena_intervals(share_buffers(graph), scratch_bytes(graph, context_)));
  return {again, offsets.peak, least_seconds(graph, ceilings_)};
}

ir::Graph Frontier::graph_of(const FrontierPoint& point) const {
  return recompute(graph_, forward_, point.again);
}

/// Points on the way to the target that need less than all before.
void Frontier::add_target(const NodeSet& target) {
  const NodeSet from = reached_;
  NodeSet last = from;
  for (int part = 1; part <= steps_of_a_target; ++part) {
    const NodeSet again = part_way(from, target, part);
    if (again == last) continue;
    last = again;
    const std::int64_t bound = bound_of(again);
    if (bound > bound_ - bound_ / least_gain) continue;
    bound_ = bound;
    reached_ = again;
    sets_.push_back(again);
  }
}

/// At ever lower prices for bytes: the cuts of all candidates, and of those within segments, which
/// keep more but need less at once while they run again. The one that saves most a second is next.
void Frontier::find_sets() {
  constexpr double highest_price = 1e11;  // bytes that a second of recomputation must save
  constexpr int prices = 9;               // each a third of the one before, down to about 1e7
  searched_ = true;
  std::vector<NodeSet> allowed = {allowed_between(graph_, forward_, 0)};
  const std::size_t places = narrow_places(graph_, forward_);
  for (std::size_t stride = 1; stride <= places; stride *= 2)
    allowed.push_back(allowed_between(graph_, forward_, stride));
  KeepProblem problem{.graph = &graph_,
                      .forward = &forward_,
                      .allowed = {},
                      .seconds = seconds_of(graph_, ceilings_),
                      .bytes_per_second = highest_price};
  for (int i = 0; i < prices; ++i, problem.bytes_per_second /= 3) {
    std::vector<NodeSet> targets;
    for (const NodeSet& part : allowed) {
      problem.allowed = part;
      NodeSet target = joined(reached_, cheapest_again(problem));
      if (std::find(targets.begin(), targets.end(), target) == targets.end())
        targets.push_back(std::move(target));
    }
    if (const NodeSet* best = best_of(targets)) add_target(*best);
  }
}

/// Saves most bytes a second; null if none saves enough to be a point.
const NodeSet* Frontier::best_of(const std::vector<NodeSet>& targets) const {
  const double now = least_seconds(recompute(graph_, forward_, reached_), ceilings_);
  const NodeSet* best = nullptr;
  double best_rate = 0;
  for (const NodeSet& target : targets) {
    if (target == reached_) continue;
    const ir::Graph graph = recompute(graph_, forward_, target);
    const std::int64_t saved = bound_ - live_bound(graph, context_);
    if (saved < bound_ / least_gain) continue;
    const double more = std::max(least_seconds(graph, ceilings_) - now, 1e-9);
    const double rate = static_cast<double>(saved) / more;
    if (rate <= best_rate) continue;
    best = &target;
    best_rate = rate;
  }
  return best;
}

std::optional<FrontierPoint> Frontier::next() {
  while (true) {
    if (planned_ == 1 && !searched_) find_sets();  // not before the first point is too large
    if (planned_ == sets_.size()) return std::nullopt;
    FrontierPoint point = planned(sets_[planned_++]);
    if (planned_ > 1 && point.arena_bytes >= least_) continue;
    least_ = point.arena_bytes;
    return point;
  }
}

bool rematerialise(ir::Graph& graph, const PassContext& context) {
  if (context.arena_budget <= 0) return false;
  Frontier frontier(graph, context);
  std::optional<FrontierPoint> chosen;
  while (std::optional<FrontierPoint> point = frontier.next()) {
    chosen = std::move(point);
    if (chosen->arena_bytes <= context.arena_budget) break;
  }
  if (std::find(chosen->again.begin(), chosen->again.end(), true) == chosen->again.end())
    return false;
  graph = frontier.graph_of(*chosen);
  return true;
}

}  // namespace gptc::passes

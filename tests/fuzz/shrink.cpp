#include "tests/fuzz/shrink.h"

#include <algorithm>
#include <map>

#include "ir/builder.h"
#include "passes/dce.h"
#include "passes/rewrite.h"

namespace gptc::testing {
namespace {

/// States nobody reads are forgotten.
void drop_unread_states(ir::Module& module) {
  const ir::Graph& graph = module.graph("forward");
  ir::Module kept(module.name());
  for (const ir::State& state : module.states()) {
    if (graph.find_state(state.name)) kept.add_state(state);
  }
  kept.add_graph(graph);
  module = std::move(kept);
}

bool trains(const ir::Module& module) {
  return std::any_of(module.states().begin(), module.states().end(),
                     [](const ir::State& state) { return state.train; });
}

class Shrinker {
 public:
  Shrinker(RandomModel model, const StillFails& still_fails, int attempts)
      : model_(std::move(model)), still_fails_(still_fails), left_(attempts) {}

  RandomModel run() {
    RandomModel alive = model_;
    passes::dce(alive.module.graph("forward"), {});
    accept(std::move(alive));
    bool smaller = true;
    while (smaller && left_ > 0) smaller = shrink_sizes() | shrink_nodes();
    return std::move(model_);
  }

 private:
  /// Takes the candidate if it fails as well.
  bool accept(RandomModel candidate) {
    if (left_-- <= 0) return false;
    candidate.module.graph("forward").compact();
    freeze_unreached(candidate.module);
    drop_unread_states(candidate.module);
    if (!trains(candidate.module) || !still_fails_(candidate)) return false;
    model_ = std::move(candidate);
    return true;
  }

  bool shrink_sizes() {
    bool smaller = false;
    for (const auto& [name, size] : std::map(model_.sizes)) {
      for (std::int64_t less = 1; less < size; ++less) {
        RandomModel candidate = model_;
        candidate.sizes[name] = less;
        if (!accept(std::move(candidate))) continue;
        smaller = true;
        break;
      }
    }
    return smaller;
  }

  bool shrink_nodes() {
    bool smaller = false;
    for (std::size_t at = model_.module.graph("forward").slots(); at-- > 0;) {
      const std::size_t now = model_.module.graph("forward").slots();
      if (at < now) smaller |= shrink_node({static_cast<std::uint32_t>(at)});
    }
    return smaller;
  }

  /// Replaces the first result by an operand of its type, or by a number.
  bool shrink_node(ir::NodeId id) {
    const ir::Graph& graph = model_.module.graph("forward");
    const ir::Node node = graph[id];
    const ir::Value value{id, 0};
    if (node.operands.empty() || graph.use_count(value) == 0) return false;
    for (const ir::Value operand : node.operands) {
      if (graph.type(operand) != node.results[0]) continue;
      RandomModel candidate = model_;
      passes::replace(candidate.module.graph("forward"), value, operand);
      if (accept(std::move(candidate))) return true;
    }
    if (!ir::is_float(node.results[0].dtype)) return false;
    RandomModel candidate = model_;
    ir::Graph& changed = candidate.module.graph("forward");
    ir::Builder builder(changed);
    passes::replace(changed, value, builder.constant(0.5, node.results[0]));
    return accept(std::move(candidate));
  }

  RandomModel model_;
  const StillFails& still_fails_;
  int left_;
};

}  // namespace

RandomModel shrink(RandomModel model, const StillFails& still_fails, int attempts) {
  return Shrinker(std::move(model), still_fails, attempts).run();
}

}  // namespace gptc::testing

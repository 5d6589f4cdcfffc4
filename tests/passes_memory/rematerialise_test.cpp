// Budgets: frontiers of random models fall and rise as they must, every plan on them holds, and
// clones are what they copy.
#include "passes/rematerialise.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "ir/op_def.h"
#include "ir/verify.h"
#include "passes/assign_offsets.h"
#include "passes/buffers.h"
#include "passes/compile.h"
#include "passes/plan_memory.h"
#include "tests/fuzz/random_graph.h"
#include "tests/support/random_values.h"

namespace gptc::testing {
namespace {

struct Lowered {
  ir::Module module;
  ir::Graph graph;
};

Lowered lowered(std::uint64_t seed, const std::string& graph) {
  RandomModel model = random_model(seed);
  ir::Graph made = passes::lower(model.module, {.graph = graph, .sizes = model.sizes}, {});
  return {std::move(model.module), std::move(made)};
}

std::vector<passes::FrontierPoint> points_of(const ir::Graph& graph) {
  const passes::PassContext context;
  passes::Frontier frontier(graph, context);
  std::vector<passes::FrontierPoint> points;
  while (auto point = frontier.next()) points.push_back(std::move(*point));
  return points;
}

TEST(Frontier, FallsInBytesAndRisesInTime) {
  int with_a_choice = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const auto [module, graph] = lowered(seed, seed % 2 == 0 ? "train" : "micro_step");
    const std::vector<passes::FrontierPoint> points = points_of(graph);
    ASSERT_FALSE(points.empty());
    with_a_choice += points.size() > 1 ? 1 : 0;
    const passes::ForwardPass forward(graph);
    for (std::size_t i = 0; i < points.size(); ++i) {
      const ir::Graph again = passes::recompute(graph, forward, points[i].again);
      ir::verify(again, &module);
      EXPECT_EQ(passes::plan_memory(module, again, {}).arena_bytes, points[i].arena_bytes);
      EXPECT_DOUBLE_EQ(passes::least_seconds(again), points[i].seconds);
      if (i == 0) continue;
      EXPECT_LT(points[i].arena_bytes, points[i - 1].arena_bytes) << seed;
      EXPECT_GT(points[i].seconds, points[i - 1].seconds) << seed;
    }
  }
  EXPECT_GT(with_a_choice, 12);
}

TEST(Frontier, LessBudgetNeverTakesMoreAndMoreIsNeverSlower) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const auto [module, graph] = lowered(seed, "train");
    const std::vector<passes::FrontierPoint> points = points_of(graph);
    Random random(fmt::format("budgets {}", seed));
    std::vector<std::int64_t> budgets(12);
    for (std::int64_t& budget : budgets)
      budget = random.integer(points.back().arena_bytes / 2, points.front().arena_bytes + 100);
    std::sort(budgets.begin(), budgets.end());
    std::int64_t arena = 0;
    double seconds = 1e300;
    for (const std::int64_t budget : budgets) {
      ir::Graph fitted = graph;
      passes::PassContext context;
      context.arena_budget = budget;
      passes::rematerialise(fitted, context);
      const std::int64_t taken = passes::plan_memory(module, fitted, context).arena_bytes;
      EXPECT_GE(taken, arena);
      EXPECT_LE(passes::least_seconds(fitted), seconds);
      EXPECT_LE(taken, std::max(budget, points.back().arena_bytes));
      arena = taken;
      seconds = passes::least_seconds(fitted);
    }
  }
}

/// A clone has the kind, attributes, types, body and operand kinds of a forward node, and reads no
/// state behind its update.
TEST(Recompute, ClonesAreWhatTheyCopy) {
  int clones = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto [module, graph] = lowered(seed, "train");
    const passes::ForwardPass forward(graph);
    const ir::Graph again = passes::recompute(graph, forward, forward.candidates);
    ir::verify(again, &module);
    passes::plan_memory(module, again, {});
    for (const ir::NodeId id : again.nodes()) {
      const ir::Node& clone = again[id];
      if (!clone.origin.scope.ends_with("again")) continue;
      ++clones;
      bool found = false;
      for (const ir::NodeId other : graph.nodes()) {
        const ir::Node& node = graph[other];
        found |= node.kind == clone.kind && node.attrs == clone.attrs && node.body == clone.body &&
                 node.results == clone.results;
      }
      EXPECT_TRUE(found);
    }
  }
  EXPECT_GT(clones, 50);
}

TEST(Rematerialise, LeavesAloneWhatFits) {
  const auto [module, graph] = lowered(3, "train");
  ir::Graph same = graph;
  EXPECT_FALSE(passes::rematerialise(same, {}));
  passes::PassContext context;
  context.arena_budget = std::int64_t{1} << 40;
  EXPECT_FALSE(passes::rematerialise(same, context));
  EXPECT_EQ(same.slots(), graph.slots());
}

TEST(Rematerialise, DoesNothingWithoutALoss) {
  auto [module, graph] = lowered(3, "logits");
  passes::PassContext context;
  context.arena_budget = 1;
  EXPECT_FALSE(passes::rematerialise(graph, context));
}

}  // namespace
}  // namespace gptc::testing

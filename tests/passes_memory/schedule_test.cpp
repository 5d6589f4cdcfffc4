// The schedule: an order of the same nodes that respects operands, reads states before they are
// updated in place, and needs no more memory than the order as written.
#include "passes/schedule.h"

#include <gtest/gtest.h>

#include "ir/graph_algo.h"
#include "ir/verify.h"
#include "passes/compile.h"
#include "passes/plan_memory.h"
#include "tests/fuzz/random_graph.h"
#include "tests/passes_memory/planned.h"

namespace gptc::testing {
namespace {

/// Most bytes live at once, states and views apart.
std::int64_t bytes_at_once(const ir::Module& module, const ir::Graph& graph) {
  return Planned{module, passes::plan_memory(module, graph, {})}.program.lower_bound_bytes;
}

TEST(Schedule, KeepsOperandsBeforeTheirReaders) {
  for (std::uint64_t seed = 100; seed < 140; ++seed) {
    RandomModel model = random_model(seed);
    const ir::Graph& graph =
        passes::lower(model.module, {.graph = "train", .sizes = model.sizes}, {});
    ASSERT_EQ(graph.nodes().size(), graph.slots());
    for (const ir::NodeId id : graph.nodes()) {
      for (const ir::Value operand : graph[id].operands) ASSERT_LT(operand.node, id);
    }
  }
}

TEST(Schedule, UpdatesComeBehindTheReadersOfTheirState) {
  int in_place = 0;
  int updates = 0;
  for (std::uint64_t seed = 100; seed < 140; ++seed) {
    Planned p = planned_model(seed, "train");
    for (const ir::Update& update : p.program.graph.updates()) {
      ++updates;
      in_place += p.place(update.value).space == ir::Placement::Space::state ? 1 : 0;
    }
  }
  EXPECT_GT(updates, 100);
  EXPECT_EQ(in_place, updates);  // AdamW writes over the old values
}

TEST(Schedule, NeedsNoMoreThanTheWrittenOrder) {
  for (std::uint64_t seed = 100; seed < 120; ++seed) {
    RandomModel model = random_model(seed);
    passes::lower(model.module, {.graph = "micro_step", .sizes = model.sizes}, {},
                  {.stop_after = "dce"});
    const ir::Graph& before = model.module.graph("micro_step");
    ir::Graph after = before;
    passes::schedule(after, {});
    ir::verify(after, &model.module);
    EXPECT_TRUE(ir::topological_order(after) == after.nodes());
    EXPECT_LE(bytes_at_once(model.module, after), bytes_at_once(model.module, before) * 11 / 10)
        << seed;
  }
}

}  // namespace
}  // namespace gptc::testing

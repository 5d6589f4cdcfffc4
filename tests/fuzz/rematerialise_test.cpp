// Random models with as much of the forward pass run again as there is: the same bits as without.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "backends/onednn/backend.h"
#include "backends/reference/backend.h"
#include "ir/verify.h"
#include "passes/plan_memory.h"
#include "passes/recompute.h"
#include "passes/rematerialise.h"
#include "tests/fuzz/lowered.h"

namespace gptc::testing {
namespace {

std::string difference(const Tensors& got, const Tensors& want) {
  for (const auto& [name, tensor] : want) {
    if (got.at(name).reals != tensor.reals || got.at(name).ints != tensor.ints) return name;
  }
  return "";
}

TEST(Rematerialise, KeepsTheBitsOfRandomModels) {
  const auto fast = onednn::make_backend({.threads = 2});
  const auto reference = reference::make_backend();
  int cloned = 0;
  int smaller = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const RandomModel model = random_model(seed);
    for (const runtime::Backend* backend : {fast.get(), reference.get()}) {
      const Lowered plain =
          lower_fully(model, seed % 2 == 0 ? "train" : "micro_step", *backend, nullptr);
      const Start start = start_of(plain, vocabulary_of(model), seed);
      const Tensors want = run_backend(plain, start, *backend, nullptr);
      const auto check = [&](const ir::Graph& graph) {
        Lowered changed{plain.module, plain.name};
        changed.module.add_graph(graph);
        ir::verify(changed.module);
        ir::verify_text(changed.module);
        EXPECT_EQ(difference(run_backend(changed, start, *backend, nullptr), want), "") << seed;
      };
      const passes::ForwardPass forward(plain.graph());
      ir::Graph all = passes::recompute(plain.graph(), forward, forward.candidates);
      cloned += all.slots() > plain.graph().slots() ? 1 : 0;
      check(all);
      ir::Graph least = plain.graph();
      passes::PassContext context = context_for(*backend);
      context.arena_budget = 1;
      smaller += passes::rematerialise(least, context) ? 1 : 0;
      check(least);
    }
  }
  EXPECT_GT(cloned, 40);
  EXPECT_GT(smaller, 20);
}

}  // namespace
}  // namespace gptc::testing

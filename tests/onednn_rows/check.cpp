#include "tests/onednn_rows/check.h"

#include <gtest/gtest.h>

#include "backends/onednn/backend.h"
#include "backends/reference/interpreter.h"
#include "tests/support/compare.h"
#include "tests/support/guarded_run.h"
#include "tests/support/op_graph.h"
#include "tests/support/random_values.h"

namespace gptc::testing {

void check_rows(const OpCase& op_case) {
  SCOPED_TRACE(op_case.name);
  const ir::Graph graph = graph_of(op_case);
  const auto backend = onednn::make_backend({.threads = 1});
  ASSERT_TRUE(backend->supports(graph, graph.nodes().back()));
  const reference::Tensors<double> inputs = random_operands(op_case, Filling::reals);
  const GuardedRun run = run_guarded(graph, *backend, inputs, Layout::apart);
  EXPECT_EQ(run.failures, Failures{});
  reference::Tensors<double> states;
  for (const auto& [name, want] : reference::run<double>(graph, inputs, states))
    EXPECT_EQ(difference(run.outputs.at(name), want, op_case.nmse), "") << name;
  const auto threaded = onednn::make_backend({.threads = 3});
  for (const Layout layout : {Layout::apart, Layout::in_place}) {
    if (layout == Layout::in_place && !can_run_in_place(graph)) continue;
    const GuardedRun again = run_guarded(graph, *threaded, inputs, layout);
    EXPECT_EQ(again.failures, Failures{});
    for (const auto& [name, tensor] : run.outputs)
      EXPECT_TRUE(same_bits(again.outputs.at(name), tensor)) << name;
  }
}

}  // namespace gptc::testing

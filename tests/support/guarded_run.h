// One graph through a backend's own interface, every value in its own place between guard bytes.
#pragma once

#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/reference/host_tensor.h"
#include "ir/program.h"
#include "tests/support/op_case.h"

namespace gptc::testing {

/// Where results may lie: apart, or over the operand that the row's in_place names.
enum class Layout : std::uint8_t { apart, in_place };

struct GuardedRun {
  reference::Tensors<double> outputs;
  /// "guard behind r0 is overwritten", "operand a1 is overwritten".
  Failures failures;
};

/// A plan by hand: each input, result and workspace at a 64-byte boundary of the arena with at
/// least 64 guard bytes behind it. With Layout::in_place the results of the last node lie over
/// operands where its row allows it.
ir::Program plan_apart(ir::Graph graph, const runtime::Backend& backend, Layout layout);

/// Compiles and runs the graph twice on poisoned memory: the second run must give the same bits.
GuardedRun run_guarded(const ir::Graph& graph, const runtime::Backend& backend,
                       const reference::Tensors<double>& inputs, Layout layout);

/// Whether an in_place entry of the row applies to the graph's last node.
bool can_run_in_place(const ir::Graph& graph);

}  // namespace gptc::testing

// Graphs with a plan, for the tests of plans.
#pragma once

#include <string>
#include <string_view>

#include "ir/module.h"
#include "ir/program.h"

namespace gptc::testing {

struct Planned {
  ir::Module module;
  ir::Program program;
  /// The node of the n-th op of a kind.
  ir::NodeId node(ir::OpKind kind, std::size_t n = 0) const;
  ir::Placement& place(ir::Value value) { return program.results[value.node.index][value.result]; }
};

/// The only graph of a module in text form, scheduled as it is written. Kernels of matmul ask for
/// 100 bytes of scratch.
Planned planned(std::string_view text);
/// A graph of a random model, lowered by the whole pipeline for a backend that has every op.
Planned planned_model(std::uint64_t seed, const std::string& graph);

/// What check_plan says, or "".
std::string complaint(const Planned& planned);

}  // namespace gptc::testing

// What must hold for every random model, from its forward graph to the fast backend's numbers.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ir/program.h"
#include "passes/pass.h"
#include "tests/fuzz/random_graph.h"
#include "tests/support/op_case.h"

namespace gptc::testing {

/// A compiler broken on purpose. One of the two is set; it returns whether there was anything to
/// break.
struct Plant {
  std::string_view name;
  bool (*graph)(ir::Graph& graph, const passes::PassContext& context) = nullptr;  // after fusion
  bool (*plan)(ir::Program& program) = nullptr;
};

struct Report {
  Failures failures;       // "what: details"; the first is the most telling
  std::size_t values = 0;  // outputs and updated states compared
  std::size_t flat = 0;    // of these, all zero or all equal
};

/// Lowers the model to all graphs; see pipeline_test.cpp for what is compared with what.
Report check_model(const RandomModel& model, std::uint64_t seed, const Plant* plant = nullptr);

/// Passes alone and in random orders, over a forward and backward pass, keep the numbers.
Report check_passes(const RandomModel& model, std::uint64_t seed);

/// The gradients of micro_step against central differences of the loss, in f64.
Report check_gradients(const RandomModel& model, std::uint64_t seed);

}  // namespace gptc::testing

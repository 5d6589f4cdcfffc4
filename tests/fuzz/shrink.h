// Makes a failing model small.
#pragma once

#include <functional>

#include "tests/fuzz/random_graph.h"

namespace gptc::testing {

/// Whether a model still fails in the way that is looked for.
using StillFails = std::function<bool(const RandomModel& model)>;

/// Puts operands and constants in the place of nodes, and smaller sizes in the place of sizes, as
/// long as the model still fails; asks at most `attempts` times.
RandomModel shrink(RandomModel model, const StillFails& still_fails, int attempts);

}  // namespace gptc::testing

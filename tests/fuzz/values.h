// Arguments and states for the graphs of a random model.
#pragma once

#include <cstdint>

#include "backends/reference/host_tensor.h"
#include "ir/module.h"

namespace gptc::testing {

using Tensors = reference::Tensors<double>;

/// By name: ids within the vocabulary (targets: some negative), one counter, a learning rate.
Tensors random_arguments(const ir::Graph& graph, std::int64_t vocabulary, std::uint64_t seed);

/// As each state's Init says; biases and gains scattered around it; positive second moments. Sums
/// of gradients and first moments are zero for every second seed. All values are exact in f32.
Tensors random_state_values(const ir::Module& module, std::uint64_t seed);

}  // namespace gptc::testing

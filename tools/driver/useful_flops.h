// The work that a training step is measured by.
#pragma once

#include "ir/graph.h"

namespace gptc::driver {

/// FLOPs of a training step's products, from its graph `eval` (one forward pass): three times
/// those of its matmuls, attentions (causal: half of the square) and heads, as each product has two
/// in the backward pass. What is computed again, and everything that is no product, does not count.
/// For GPT-2: tokens · (6·(12·L·C² + V·C) + 6·L·T·C).
double useful_training_flops(const ir::Graph& eval);

}  // namespace gptc::driver

// Random forward models of GPT-2's idioms and of shapes that are easily got wrong.
#pragma once

#include <cstdint>

#include "ir/module.h"
#include "passes/specialise.h"

namespace gptc::testing {

/// A module whose only graph is `forward` (tokens, targets[, micro_batch] → logits, loss, tokens),
/// with the sizes of its named dimensions; none are named in some models.
struct RandomModel {
  ir::Module module;
  passes::DimSizes sizes;
};

/// The same model for a seed everywhere. Values stay of order one, away from poles.
RandomModel random_model(std::uint64_t seed);

/// A state is trained only if the loss depends on it: others lose `train`.
void freeze_unreached(ir::Module& module);

}  // namespace gptc::testing

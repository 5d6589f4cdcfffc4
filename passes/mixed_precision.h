// bf16 mixed precision (Micikevicius et al. 2018, arXiv 1710.03740, with bf16 for half), driven by
// the op rows' `precision`.
#pragma once

#include "passes/derive.h"

namespace gptc::passes {

/// Products read bf16 and round what they give out, a bias included; sums inside them, everything
/// between them, parameters and their gradients stay f32. Logits stay f32, too. Does nothing unless
/// the request asks for bf16.
bool mixed_precision(ir::Graph& graph, const Derivation& derivation);

/// Results that rows call worth it are kept in bf16 until they are read; for the backward pass.
bool narrow_saved(ir::Graph& graph, const Derivation& derivation);

/// The outputs grad.* are rounded to bf16, if the request wants them so: once, from their sums.
bool round_gradients(ir::Graph& graph, const Derivation& derivation);

}  // namespace gptc::passes

// Clipping by the global norm and AdamW, from gradients of the summed loss to updates of states.
#pragma once

#include "passes/derive.h"

namespace gptc::passes {

/// Takes the outputs loss, tokens and grad.<parameter> (sums over the tokens); adds the inputs
/// lr f32[] and step i64[] (0-based) and declares the moments adamw.m.<parameter> and
/// adamw.v.<parameter>. Updates parameters and moments; returns loss per token, tokens, and
/// grad_norm of the mean gradient before clipping. The gradients stay sums: the factor 1/tokens is
/// part of adamw's scale, so a train step is one micro_step and apply.
bool optimizer(ir::Graph& graph, const Derivation& derivation);

}  // namespace gptc::passes

// Keys and values in half the bytes where weights already are whole numbers.
#pragma once

#include "passes/derive.h"

namespace gptc::passes {

/// In a graph that reads weights of whole numbers, operands that decoding keeps in caches
/// (OpDef::kept) are rounded to bf16; so caches hold half the bytes, and the whole text's graph
/// reads the same numbers. What is bf16 already stays.
bool narrow_kept(ir::Graph& graph, const Derivation& derivation);

}  // namespace gptc::passes

// The whole graph as one of a chunk of new positions, which finds what came before in caches.
#pragma once

#include "passes/derive.h"

namespace gptc::passes {

/// Takes a graph whose positions are the named dimension T, with input tokens [B,T]. The result has
/// N = sizes['T'] positions: tokens [B,N] and past i32[B], how many positions of each row came
/// before. Caches are states cache.<scope>.<operand> [B,S,...], S = sizes['S'], that the graph
/// updates. Each op says in its row how it runs (OpDef::incremental). UserError naming the op that
/// cannot, and why.
bool incremental(ir::Graph& graph, const Derivation& derivation);

/// Names of the caches' states begin with it.
inline constexpr std::string_view cache_prefix = "cache.";

}  // namespace gptc::passes

// What the passes' rewrites share: questions about values, and the few ways to change a graph.
#pragma once

#include <optional>
#include <string>

#include "ir/graph.h"

namespace gptc::passes {

/// The number every element of a constant has; nothing for other nodes.
std::optional<double> constant_value(const ir::Graph& graph, ir::Value value);

/// Erases the node if nothing uses it, then its operands likewise. Inputs stay: they are the
/// graph's signature.
void erase_dead(ir::Graph& graph, ir::NodeId node);

/// Every use of `from` becomes one of `to`; what nobody needs any more goes.
void replace(ir::Graph& graph, ir::Value from, ir::Value to);

/// Puts the row's decomposition in the node's place; false where the row has none for it (a matmul
/// without epilogue).
bool expand(ir::Graph& graph, ir::NodeId node);

/// " at models/gpt2.cpp:41 (h.0.attn)", as ir's own errors say it; "" if nothing is known.
std::string where(const ir::Origin& origin);

}  // namespace gptc::passes

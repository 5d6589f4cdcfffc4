// The rules of canonicalize, by family. Private to passes/.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace gptc::passes::rules {

/// Rewrites the node or its operands; false if the rule does not apply. The node may be gone then.
using Rule = bool (*)(ir::Graph& graph, ir::NodeId node);

/// In the order they are tried; constants first, so that later rules find them on the right.
std::vector<Rule> all();

std::vector<Rule> elementwise();  // neutral elements, order of operands, broadcasting
std::vector<Rule> shape();        // identities and pairs of reshape, transpose, slice, ...
std::vector<Rule> structure();    // transposed matmul operands, scatter_add, sums of pads
std::vector<Rule> cast();         // widening late, narrowing early, round trips
std::vector<Rule> select();       // select moves towards the operands
std::vector<Rule> columns();      // slices of columns that their reader takes from the whole

}  // namespace gptc::passes::rules

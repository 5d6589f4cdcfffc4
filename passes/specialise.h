// Named dimensions become numbers.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>

#include "ir/graph.h"

namespace gptc::passes {

/// Sizes of named dimensions: {'B', 4}, {'T', 256}.
using DimSizes = std::map<char, std::int64_t>;

/// Puts numbers into inputs, states and attributes of a graph and infers every other type again.
/// True if there was a name. UserError for a name without a size, a size below 1, or an op whose
/// rules the numbers break. Names among the letters of `kept` stay.
bool specialise(ir::Graph& graph, const DimSizes& sizes, std::string_view kept = "");

}  // namespace gptc::passes

// Which stages make which graph, in which order, and why: the tables.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "passes/stage.h"

namespace gptc::passes {

/// Every stage there is, for `gptc passes` and tests.
std::span<const Stage> all_stages();
/// Null if there is none of that name.
const Stage* find_stage(std::string_view name);

/// The rows that make a graph of interfaces(). UserError for another name.
std::vector<Row> pipeline(std::string_view graph);

}  // namespace gptc::passes

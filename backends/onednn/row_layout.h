// Where the rows of a row-local region are: layouts of its values from their shapes.
#pragma once

#include <optional>
#include <vector>

#include "backends/onednn/row_program.h"

namespace gptc::onednn {

/// The leading axes of the region: those of its largest value.
ir::Shape region_rows(const ir::Graph& body);

/// Layout of each live node's results, or nothing if one does not fit the region. Statistics
/// ([...]) are told from rows by the ops that make and use them.
using RowLayouts = std::vector<std::vector<RowLayout>>;  // by node, by result
std::optional<RowLayouts> row_layouts(const ir::Graph& body, const ir::Shape& leading);

/// Whether the reshape only adds or drops a last axis of one, or nothing.
bool reshape_keeps_rows(const ir::Shape& from, const ir::Shape& to);

}  // namespace gptc::onednn

// A region of row-local ops as a list of row functions over tiles of rows, and its kernel.
#pragma once

#include <optional>
#include <vector>

#include "backends/onednn/kernel.h"
#include "backends/onednn/rows.h"

namespace gptc::onednn {

/// How a value lies over the region's rows: `rows` is 1 (one row for all), the region's, or a
/// period between (a position table); `columns` tells [..., C] from a statistic [...].
struct RowLayout {
  std::int64_t rows = 1;
  std::int64_t cols = 1;
  bool has_columns = true;
  friend bool operator==(const RowLayout&, const RowLayout&) = default;
};

struct RowPlace {
  enum class Base : std::uint8_t { operand, constant, result, scratch };
  Base base = Base::operand;
  std::size_t index = 0;  // of the operand, constant, result or scratch slot
  RowLayout layout = {};
  std::int64_t bytes = 4;  // of an element: 2 for bf16
};

struct RowStep {
  RowFn run = nullptr;
  RowParams params = {};
  std::vector<RowPlace> operands;
  std::vector<RowPlace> results;
  std::int64_t rows = 1;
  std::int64_t cols = 1;
};

/// What is needed to compute a result behind a slot, where writing it in place is not safe.
struct RowResult {
  std::size_t step = 0;             // the one that computes it
  std::optional<std::size_t> slot;  // none: always written directly
  RowLayout layout = {};
  std::int64_t bytes = 4;  // of an element
};

struct RowProgram {
  std::int64_t rows = 1;
  std::int64_t cols = 1;
  std::int64_t chunk = 1;      // columns of a tile
  std::int64_t tile_rows = 1;  // at most; tiles never cross a multiple of `period`
  std::int64_t item_rows = 1;
  std::int64_t period = 1;
  std::vector<RowStep> steps;
  std::vector<float> constants;
  std::vector<std::size_t> last_reads;  // by operand: the last step that reads it
  std::vector<RowLayout> operands;      // layouts, by operand
  std::vector<RowResult> results;
  std::vector<std::int64_t> slot_offsets;  // in floats
  std::int64_t scratch_bytes = 0;          // a thread
};

/// Nothing if the body holds an op without a row function, another dtype than f32 (or bf16 beside a
/// cast), shapes that are not rows of one region, or rows too long for the scratch.
std::optional<RowProgram> compile_rows(const ir::Graph& body);

/// The same for one node.
std::optional<RowProgram> compile_rows(const ir::Graph& graph, const ir::Node& node);

std::unique_ptr<Kernel> make_row_kernel(RowProgram program, const KernelArgs& args);

/// The kernel row of an op with a row function.
KernelRow row_kernel();

}  // namespace gptc::onednn

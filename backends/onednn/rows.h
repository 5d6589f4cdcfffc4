// Row functions: one vectorised call computes an op on a tile of rows. The stand-alone kernels of
// row-local ops and the executor of row_fused are made of the same functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ir/graph.h"

namespace gptc::onednn {

/// An operand or a result over a tile: element (r, c) is data[r * row_stride + c * col_stride].
/// Operands have a row_stride of 0 where one row serves all, and a col_stride of 0 where one value
/// serves a row. A result's columns are always contiguous; null: not wanted.
struct RowArg {
  float* data = nullptr;
  std::int64_t row_stride = 0;
  std::int64_t col_stride = 1;

  float* row(std::int64_t r) const { return data + r * row_stride; }
};

/// A node's attributes as row functions need them.
struct RowParams {
  float eps = 0;
  float keep_scale = 1;              // 1 / (1 - p)
  std::uint32_t keep_threshold = 0;  // kept iff word >= it
  std::uint64_t rng_key = 0;
};
RowParams row_params(const ir::Node& node);

struct RowTile {
  const RowArg* operands = nullptr;
  const RowArg* results = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;   // of the widest operand
  std::int64_t first = 0;  // index of element (0, 0) in its whole tensor
  std::int64_t pitch = 0;  // and of (1, 0) minus that of (0, 0)
  const RowParams* params = nullptr;
};

/// Results may lie over operands of the same width and strides.
using RowFn = void (*)(const RowTile& tile);

/// What an operand or result of a row function is.
enum class RowRole : std::uint8_t {
  any,        // elementwise: rows, a row, a column or a single value
  rows,       // [..., C]
  vector,     // [C]
  statistic,  // [...]: one value a row
  counter,    // i64[]
};

struct RowOp {
  ir::OpKind kind;
  std::vector<RowRole> operands;
  std::vector<RowRole> results;
  RowFn run;  // for the best instruction set of this machine
};

/// Null where an op has no row function. That of `cast` depends on its types: see cast_rows.
const RowOp* find_row_op(ir::OpKind kind);

struct RowFunction {
  ir::OpKind kind;
  RowFn run;
};
// The families, each in its file.
std::span<const RowFunction> elementwise_rows();
std::span<const RowFunction> layer_norm_rows();
std::span<const RowFunction> softmax_rows();
std::span<const RowFunction> reduce_rows();
std::span<const RowFunction> dropout_rows();

/// Between f32 and bf16, null for other types. The bf16 side's data points to 16-bit elements,
/// which its strides count.
RowFn cast_rows(ir::DType from, ir::DType to);
/// One row of `size` elements by such a function.
void cast_row(RowFn run, const void* from, void* to, std::int64_t size);

/// True if all operands and results that are not null are f32 (ids and counters excepted).
bool all_f32(const ir::Graph& graph, const ir::Node& node);

}  // namespace gptc::onednn

// The inside of a packed product: parts of both factors copied into the order in which tiles of the
// result read them, and the tiles, which are summed in registers (Goto and van de Geijn, 2008,
// "Anatomy of high-performance matrix multiplication").
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/onednn/dnnl_compat.h"

namespace gptc::onednn {

/// A matrix of f32, bf16 or i8 anywhere in memory, strides in elements.
struct PackedFactor {
  const std::byte* data = nullptr;
  ir::DType dtype = ir::DType::f32;
  std::size_t row_stride = 0;
  std::size_t col_stride = 1;

  const std::byte* at(std::size_t row, std::size_t col) const {
    const auto bytes = static_cast<std::size_t>(ir::dtype_bytes(dtype));
    return data + (row * row_stride + col * col_stride) * bytes;
  }
};

/// A step on the sums, with its operand where it takes one.
struct PackedStep {
  PostOp op = PostOp::bias_row;
  PackedFactor operand = {};
};

/// c = steps(a · b) of one matrix; neighbours in a row of c lie side by side.
struct PackedProblem {
  std::size_t rows = 0;     // M
  std::size_t depth = 0;    // K
  std::size_t columns = 0;  // N
  PackedFactor a, b;
  PackedFactor c;
  std::byte* result = nullptr;  // c.data, to be written
  /// The first part is added to what c holds.
  bool from_old = false;
  std::vector<PackedStep> steps;
};

/// Rows and columns of the result that stay in registers.
struct TileShape {
  std::size_t rows;
  std::size_t columns;
};
TileShape tile_shape();

/// Values of the sum that are worked on together: their part of b's panel stays in the first-level
/// cache. Sums are made part by part, in order, and each in order of k.
inline constexpr std::size_t packed_depth = 256;
/// Floats from a row of a to the next, where it is packed: not a power of two, so that rows do not
/// compete for the same lines.
inline constexpr std::size_t packed_row = packed_depth + 16;

/// The part of b that is packed at a time: whole panels of columns by whole parts of the sum.
struct PackedSpan {
  std::size_t first_column = 0;
  std::size_t columns = 0;
  std::size_t first_depth = 0;  // a multiple of packed_depth
  std::size_t depth = 0;

  std::size_t panels(const TileShape& tile) const {
    return (columns + tile.columns - 1) / tile.columns;
  }
  std::size_t parts() const { return (depth + packed_depth - 1) / packed_depth; }
  std::size_t floats(const TileShape& tile) const { return panels(tile) * tile.columns * depth; }
};

/// Some of the result: rows by panels of the span.
struct PackedBlock {
  std::size_t first_row = 0;  // a multiple of the tile's rows
  std::size_t rows = 0;
  std::size_t first_panel = 0;
  std::size_t panels = 0;
};

/// Packs one panel of one part of the span into its place in `right`, which has span.floats().
void pack_panel(const PackedProblem& problem, const PackedSpan& span, std::size_t part,
                std::size_t panel, float* right);

/// What multiply_block works with.
struct PackedRoom {
  float* right;  // the packed span
  float* left;   // of the block's rows, rounded up to tiles, packed_row floats each
  /// Where sums over parts of K wait, rows `sums_stride` floats apart: the result itself if nothing
  /// of it is read later.
  float* sums;
  std::size_t sums_stride;
};

/// Adds the span's part of the sums to a block of the result, and takes the steps behind the last.
void multiply_block(const PackedProblem& problem, const PackedSpan& span, const PackedBlock& block,
                    const PackedRoom& room);

}  // namespace gptc::onednn

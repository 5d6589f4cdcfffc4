// The inside of a packed product: parts of both factors copied into the order in which tiles of the
// result read them, and the tiles, which are summed in registers (Goto and van de Geijn, 2008,
// "Anatomy of high-performance matrix multiplication").
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/onednn/dnnl_compat.h"
#include "backends/onednn/round_up.h"

namespace gptc::onednn {

/// A matrix of f32, bf16 or i8 anywhere in memory, strides in elements.
struct PackedFactor {
  const std::byte* data = nullptr;
  ir::DType dtype = ir::DType::f32;
  std::size_t row_stride = 0;
  std::size_t col_stride = 1;

  const std::byte* at(std::size_t row, std::size_t col) const {
    // Asked for every row of a tile: not a call of ir::dtype_bytes.
    const std::size_t bytes = dtype == ir::DType::f32 ? 4 : dtype == ir::DType::bf16 ? 2 : 1;
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

/// Values of the sum that are worked on together, at most.
inline constexpr std::size_t most_depth = 768;
/// How deep the parts of a sum over `depth` are: as few as can be, all alike but the last. A panel
/// of b that deep (48 KiB at most) stays near while a block's tiles are summed. Sums are made part
/// by part, in order, and each in order of k.
std::size_t depth_of_part(const TileShape& tile, std::size_t depth);

/// Parts are packed in so many values of the sum, zeros behind the last: a tile takes as many at
/// once.
inline constexpr std::size_t depth_step = 8;

/// Floats from one packed tile's rows of a to the next.
inline std::size_t left_pitch(const TileShape& tile, std::size_t depth) {
  constexpr std::size_t slack = 16;  // written by whole vectors
  return tile.rows * depth + slack;
}

/// The part of b that is packed at a time: whole panels of columns by whole parts of the sum.
struct PackedSpan {
  std::size_t part = 0;  // values of the sum, a multiple of depth_step
  std::size_t first_column = 0;
  std::size_t columns = 0;
  std::size_t first_depth = 0;  // a multiple of `part`
  std::size_t depth = 0;

  std::size_t panels(const TileShape& tile) const {
    return (columns + tile.columns - 1) / tile.columns;
  }
  std::size_t parts() const { return (depth + part - 1) / part; }
};

/// A part of a span's sum.
struct PackedPart {
  std::size_t before;  // values of the span's sum
  std::size_t first;   // of the whole sum's
  std::size_t depth;
  std::size_t padded;  // depth as it is packed

  PackedPart(const PackedSpan& span, std::size_t number)
      : before(number * span.part),
        first(span.first_depth + before),
        depth(std::min(span.part, span.depth - before)),
        padded(round_up(depth, depth_step)) {}
  /// Where its panels lie in what is packed of b.
  std::size_t offset(const PackedSpan& span, const TileShape& tile) const {
    return before * round_up(span.columns, tile.columns);
  }
};

/// Some of the result: rows by panels of the span.
struct PackedBlock {
  std::size_t first_row = 0;  // a multiple of the tile's rows
  std::size_t rows = 0;
  std::size_t first_panel = 0;
  std::size_t panels = 0;
};

/// Packs panels [first, end) of one part of the span into their places in `right`.
void pack_panels(const PackedProblem& problem, const PackedSpan& span, std::size_t part,
                 std::size_t first, std::size_t end, float* right);

/// What multiply_block works with.
struct PackedRoom {
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  float* right = nullptr;  // the packed span
  float* left = nullptr;   // the block's tiles of one part, left_pitch apart
  /// Of which rows and values of the sum `left` is; a thread may go on with them.
  std::size_t left_row = none;
  std::size_t left_depth = none;
  /// Where sums over parts of K wait, rows `sums_stride` floats apart: the result itself if nothing
  /// of it is read later.
  float* sums = nullptr;
  std::size_t sums_stride = 0;
};

/// Adds the span's part of the sums to a block of the result, and takes the steps behind the last.
void multiply_block(const PackedProblem& problem, const PackedSpan& span, const PackedBlock& block,
                    PackedRoom& room);

}  // namespace gptc::onednn

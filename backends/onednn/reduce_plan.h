// How a reduction over some axes is cut: strides, blocks and partial results.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/attrs.h"
#include "ir/type.h"

namespace gptc::onednn {

/// Counts through axes in C order; offsets in elements of the operand.
class Odometer {
 public:
  void add_axis(std::int64_t size, std::int64_t stride) { axes_.push_back({size, stride}); }
  std::int64_t count() const;
  std::int64_t offset(std::int64_t index) const;
  /// The last axis, or one element.
  std::int64_t inner_size() const { return axes_.empty() ? 1 : axes_.back().size; }
  std::int64_t inner_stride() const { return axes_.empty() ? 0 : axes_.back().stride; }

 private:
  struct Axis {
    std::int64_t size;
    std::int64_t stride;
  };
  std::vector<Axis> axes_;
};

/// The operand as runs of `length` neighbours: reduced themselves (`along_row`, width 1) or kept as
/// a result row of `width` = `length`. `rows` runs go into each of `outputs` result rows.
struct ReducePlan {
  Odometer kept;     // result rows
  Odometer reduced;  // runs of a result row
  bool along_row = false;
  std::int64_t length = 1;
  std::int64_t width = 1;
  std::int64_t outputs = 1;
  std::int64_t rows = 1;
  std::int64_t block_rows = 1;  // runs an item takes
  std::int64_t row_blocks = 1;
  std::int64_t piece = 1;  // elements of a run an item takes (along_row)
  std::int64_t pieces = 1;

  /// Items of a result row.
  std::int64_t blocks() const { return row_blocks * pieces; }
};

ReducePlan plan_reduction(const ir::Shape& shape, const ir::Ints& axes);

/// What a reduction does, for one instruction set.
struct Reduction {
  float start;
  float (*row)(const float* x, std::int64_t size);
  float (*bf16_row)(const std::uint16_t* x, std::int64_t size);  // null: f32 only
  /// acc[c] joined with x[r * stride + c] for all r, c.
  void (*rows)(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t cols,
               float* acc);
};

}  // namespace gptc::onednn

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/packed_tiles.cpp"
#include <hwy/foreach_target.h>
// The order matters: foreach_target first.
#include <hwy/highway.h>

#include <algorithm>

#include "backends/onednn/packed_copy-inl.h"
#include "backends/onednn/packed_steps-inl.h"
#include "backends/onednn/packed_tiles.h"
#include "backends/onednn/round_up.h"
#include "backends/onednn/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace {

using Tile = VF32[tile_rows][tile_vectors];

/// sum + a * b in the sum's register: GCC would move sums about and read b again.
HWY_INLINE VF32 add_product(VF32 a, VF32 b, VF32 sum) {
#if HWY_TARGET == HWY_AVX2
  asm("vfmadd231ps %2, %1, %0" : "+x"(sum.raw) : "x"(a.raw), "x"(b.raw));
  return sum;
#else
  return hn::MulAdd(a, b, sum);
#endif
}

/// One value of the sum, for all of a tile.
HWY_INLINE void add_products(const float* HWY_RESTRICT left, const float* HWY_RESTRICT right,
                             Tile& sums) {
  const F32 d;
  const VF32 b0 = hn::LoadU(d, right);
  const VF32 b1 = hn::LoadU(d, right + hn::Lanes(d));
  for (std::size_t r = 0; r < tile_rows; ++r) {
    const VF32 a = hn::Set(d, left[r]);
    sums[r][0] = add_product(a, b0, sums[r][0]);
    sums[r][1] = add_product(a, b1, sums[r][1]);
  }
}

/// to = old + left · right + bias over `depth` values of the sum, a multiple of depth_step. A
/// function of its own, its loops over sums unrolled, so that every sum has its register.
template <bool kOld, bool kBias>
HWY_NOINLINE void sum_tile(const float* HWY_RESTRICT left, const float* HWY_RESTRICT right,
                           std::size_t depth, TileEnds ends) {
  const F32 d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t width = tile_columns();
  Tile sums;
  HWY_UNROLL(tile_rows)
  for (std::size_t r = 0; r < tile_rows; ++r) {
    HWY_UNROLL(tile_vectors)
    for (std::size_t v = 0; v < tile_vectors; ++v) sums[r][v] = hn::Zero(d);
  }
  for (std::size_t k = 0; k < depth; k += depth_step) {
    HWY_UNROLL(8)
    for (std::size_t i = 0; i < depth_step; ++i)
      add_products(left + i * tile_rows, right + i * width, sums);
    left += depth_step * tile_rows;
    right += depth_step * width;
  }
  HWY_UNROLL(tile_rows)
  for (std::size_t r = 0; r < tile_rows; ++r) {
    HWY_UNROLL(tile_vectors)
    for (std::size_t v = 0; v < tile_vectors; ++v) {
      VF32 sum = sums[r][v];
      if (kOld) sum = hn::Add(hn::LoadU(d, ends.old.at(r, v * lanes)), sum);
      if (kBias) sum = hn::Add(sum, hn::LoadU(d, ends.bias + v * lanes));
      hn::StoreU(sum, d, ends.to.at(r, v * lanes));
    }
  }
}

HWY_INLINE void sum_tile(const float* left, const float* right, std::size_t depth,
                         const TileEnds& ends) {
  if (ends.old.data != nullptr) {
    return ends.bias != nullptr ? sum_tile<true, true>(left, right, depth, ends)
                                : sum_tile<true, false>(left, right, depth, ends);
  }
  return ends.bias != nullptr ? sum_tile<false, true>(left, right, depth, ends)
                              : sum_tile<false, false>(left, right, depth, ends);
}

/// A tile's part of the sum, and what follows it.
HWY_INLINE void make_tile(const Place& at, const float* left, const float* right,
                          std::size_t depth) {
  HWY_ALIGN float room[tile_rows * tile_vectors * hn::MaxLanes(F32())];
  const Sums tile{room, tile_columns()};
  const bool is_f32 = at.problem.c.dtype == ir::DType::f32;
  const bool from_result = at.first && at.problem.from_old;
  // Columns that are no whole tile, and old values that must be widened, take a copy.
  if (!at.is_whole() || (from_result && !is_f32)) {
    sum_tile(left, right, depth, {.to = tile});
    if (!at.first || from_result) add_old(at, tile);
    if (at.last) return finish_tile(at, 0, tile);
    for (std::size_t r = 0; r < at.rows; ++r)
      copy_wide(tile.at(r, 0), 1, at.columns, at.sums().at(r, 0));
    return;
  }
  TileEnds ends{.to = tile};
  if (!at.first) ends.old = at.sums();
  if (from_result) ends.old = at.result();
  if (at.last) ends.bias = at.bias();
  const std::size_t taken = ends.bias != nullptr ? 1 : 0;
  const bool ended = at.last && is_f32 && taken == at.problem.steps.size();
  if (!at.last) ends.to = at.sums();
  if (ended) ends.to = at.result();
  sum_tile(left, right, depth, ends);
  if (at.last && !ended) finish_tile(at, taken, tile);
}

/// The next panel of b comes into the second-level cache while tiles of this one are summed.
struct Fetch {
  const float* from;
  std::size_t whole;  // floats
  std::size_t floats = whole;

  HWY_INLINE void some(std::size_t of) {
    constexpr std::size_t line = 16;  // floats
    const std::size_t share = std::min(floats, round_up(whole / of + 1, line));
    for (std::size_t i = 0; i < share; i += line) __builtin_prefetch(from + i, 0, 2);
    from += share;
    floats -= share;
  }
};

/// What will be read behind a tile's sums: what they are added to, operands of the steps.
HWY_INLINE void fetch_rows(const Place& at) {
  for (std::size_t r = 0; r < at.rows; ++r) __builtin_prefetch(at.sums().at(r, 0), 1);
  if (!at.last) return;
  for (const PackedStep& step : at.problem.steps) {
    if (step.operand.row_stride == 0) continue;
    for (std::size_t r = 0; r < at.rows; ++r)
      __builtin_prefetch(step.operand.at(at.row + r, at.column));
  }
}

/// One part of the sum for a block of the result.
void multiply_part(const PackedProblem& problem, const PackedSpan& span, std::size_t part,
                   const PackedBlock& block, PackedRoom& room) {
  const PackedPart at_k(span, part);
  const TileShape shape{tile_rows, tile_columns()};
  const std::size_t panel_floats = shape.columns * at_k.padded;
  const float* right = room.right + at_k.offset(span, shape) + block.first_panel * panel_floats;
  if (room.left_row != block.first_row || room.left_depth != at_k.first)
    pack_left(problem, block.first_row, block.rows, at_k.first, at_k.depth, at_k.padded, room.left);
  room.left_row = block.first_row;
  room.left_depth = at_k.first;
  const std::size_t tiles = (block.rows + tile_rows - 1) / tile_rows;
  const std::size_t end = block.first_panel + block.panels;
  Place at{problem, room, at_k.first == 0, at_k.first + at_k.depth == problem.depth, 0, 0, 0, 0};
  for (std::size_t panel = block.first_panel; panel < end; ++panel, right += panel_floats) {
    at.column = span.first_column + panel * shape.columns;
    at.columns = std::min(shape.columns, span.columns - panel * shape.columns);
    const float* rows = room.left;
    Fetch fetch{right + panel_floats, panel + 1 < end ? panel_floats : 0};
    for (std::size_t row = 0; row < block.rows; row += tile_rows) {
      at.row = block.first_row + row;
      at.rows = std::min(tile_rows, block.rows - row);
      fetch_rows(at);
      fetch.some(tiles);
      make_tile(at, rows, right, at_k.padded);
      rows += left_pitch(shape, at_k.padded);
    }
  }
}

}  // namespace

TileShape shape_of_tile() { return {tile_rows, tile_columns()}; }

void pack_some(const PackedProblem& problem, const PackedSpan& span, std::size_t part,
               std::size_t first, std::size_t end, float* right) {
  const PackedPart at_k(span, part);
  const TileShape shape{tile_rows, tile_columns()};
  const PackedFactor& b = problem.b;
  const std::size_t pitch = shape.columns * at_k.padded;
  right += at_k.offset(span, shape);
  // Where neighbours in a row of b lie side by side, a few rows of all panels, then the next.
  constexpr std::size_t few = 16;
  const std::size_t step = b.col_stride == 1 ? few : at_k.depth;
  for (std::size_t k = 0; k < at_k.depth; k += step) {
    const std::size_t depth = std::min(step, at_k.depth - k);
    for (std::size_t panel = first; panel < end; ++panel) {
      const std::size_t column = panel * shape.columns;
      const std::size_t columns = std::min(shape.columns, span.columns - column);
      float* to = right + panel * pitch + k * shape.columns;
      const std::byte* data = b.at(at_k.first + k, span.first_column + column);
      with_type(b.dtype, data, [&](const auto* from) HWY_ATTR {
        constexpr std::size_t whole = tile_vectors * hn::MaxLanes(F32());
        if (b.col_stride == 1 && columns == whole) {
          copy_columns<whole>(from, b.row_stride, depth, 0, to);
        } else if (b.row_stride == 1 && columns == whole && b.dtype == ir::DType::f32) {
          turn_rows<whole>(reinterpret_cast<const float*>(from), b.col_stride, depth, to);
        } else {
          interleave(from, b.col_stride, b.row_stride, columns, depth, shape.columns, to);
        }
      });
    }
  }
  for (std::size_t panel = first; panel < end; ++panel) {
    float* to = right + panel * pitch;
    std::fill(to + at_k.depth * shape.columns, to + pitch, 0.F);
  }
}

void multiply_some(const PackedProblem& problem, const PackedSpan& span, const PackedBlock& block,
                   PackedRoom& room) {
  for (std::size_t part = 0; part < span.parts(); ++part)
    multiply_part(problem, span, part, block, room);
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {

HWY_EXPORT(shape_of_tile);
HWY_EXPORT(pack_some);
HWY_EXPORT(multiply_some);

TileShape tile_shape() { return HWY_DYNAMIC_DISPATCH(shape_of_tile)(); }

std::size_t depth_of_part(const TileShape& tile, std::size_t depth) {
  constexpr std::size_t panel_floats = 12288;
  const std::size_t most = std::min(most_depth, panel_floats / tile.columns);
  const std::size_t parts = std::max<std::size_t>(1, (depth + most - 1) / most);
  return std::max(depth_step, round_up((depth + parts - 1) / parts, depth_step));
}

void pack_panels(const PackedProblem& problem, const PackedSpan& span, std::size_t part,
                 std::size_t first, std::size_t end, float* right) {
  HWY_DYNAMIC_DISPATCH(pack_some)(problem, span, part, first, end, right);
}

void multiply_block(const PackedProblem& problem, const PackedSpan& span, const PackedBlock& block,
                    PackedRoom& room) {
  HWY_DYNAMIC_DISPATCH(multiply_some)(problem, span, block, room);
}

}  // namespace gptc::onednn
#endif

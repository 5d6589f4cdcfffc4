#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/packed_tiles.cpp"
#include <hwy/foreach_target.h>
// The order matters: foreach_target first.
#include <hwy/highway.h>

#include <algorithm>

#include "backends/onednn/bf16-inl.h"
#include "backends/onednn/packed_copy-inl.h"
#include "backends/onednn/packed_tiles.h"
#include "backends/onednn/round_up.h"
#include "backends/onednn/simd-inl.h"
#include "backends/onednn/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace {

using Tile = VF32[tile_rows][tile_vectors];

template <class Left>
HWY_INLINE void sum_tile(const float* HWY_RESTRICT left, const float* HWY_RESTRICT right,
                         std::size_t depth, Tile& sums) {
  const F32 d;
  const std::size_t lanes = hn::Lanes(d);
  for (auto& row : sums)
    for (VF32& sum : row) sum = hn::Zero(d);
  for (std::size_t k = 0; k < depth; ++k) {
    const VF32 b0 = hn::LoadU(d, right);
    const VF32 b1 = hn::LoadU(d, right + lanes);
    right += tile_vectors * lanes;
    for (std::size_t r = 0; r < tile_rows; ++r) {
      const VF32 a = hn::Set(d, left[Left::at(r, 0)]);
      sums[r][0] = hn::MulAdd(a, b0, sums[r][0]);
      sums[r][1] = hn::MulAdd(a, b1, sums[r][1]);
    }
    left += Left::at(0, 1);
  }
}

/// A tile of the result and what is left to do with it.
struct Place {
  const PackedProblem& problem;
  const PackedRoom& room;
  bool first;  // part of the sum
  bool last;
  std::size_t row;
  std::size_t column;
  std::size_t rows;
  std::size_t columns;

  bool is_whole() const { return rows == tile_rows && columns == tile_columns(); }
  float* sums(std::size_t r) const { return room.sums + (row + r) * room.sums_stride + column; }
  std::byte* result(std::size_t r) const {
    return problem.result + (problem.c.at(row + r, column) - problem.c.data);
  }
};

/// Adds what the sums were before: a part's, or at first the result's own.
void add_old(const Place& at, float* tile) {
  const std::size_t stride = tile_columns();
  for (std::size_t r = 0; r < at.rows; ++r) {
    float* row = tile + r * stride;
    const auto add = [&](const auto* old) HWY_ATTR {
      sweep(static_cast<std::int64_t>(at.columns), [&](std::int64_t i, auto access) HWY_ATTR {
        const VF32 sum = access.load(F32(), row + i);
        access.store(F32(), hn::Add(load_any(access, old + i), sum), row + i);
      });
    };
    if (!at.first || at.problem.c.dtype == ir::DType::f32) {
      add(at.first ? reinterpret_cast<const float*>(at.result(r)) : at.sums(r));
    } else {
      add(reinterpret_cast<const std::uint16_t*>(at.result(r)));
    }
  }
}

/// row[i] = change(row[i], operand[i]).
template <class Change>
HWY_INLINE void change_row(const PackedStep& step, const std::byte* operand, std::size_t size,
                           float* row, const Change& change) {
  const auto with = [&](const auto* values) HWY_ATTR {
    sweep(static_cast<std::int64_t>(size), [&](std::int64_t i, auto access) HWY_ATTR {
      const VF32 x = access.load(F32(), row + i);
      access.store(F32(), change(x, load_any(access, values + i)), row + i);
    });
  };
  if (step.operand.dtype == ir::DType::bf16) {
    with(reinterpret_cast<const std::uint16_t*>(operand));
  } else {
    with(reinterpret_cast<const float*>(operand));
  }
}

HWY_INLINE void take_step(const Place& at, const PackedStep& step, std::size_t r, float* row) {
  const F32 d;
  if (step.op == PostOp::gelu_tanh || step.op == PostOp::relu) {
    const bool gelu = step.op == PostOp::gelu_tanh;
    return sweep(static_cast<std::int64_t>(at.columns), [&](std::int64_t i, auto access) HWY_ATTR {
      const VF32 x = access.load(d, row + i);
      access.store(d, gelu ? Gelu::value(d, x) : MaxVectors{}(x, hn::Zero(d)), row + i);
    });
  }
  const std::byte* operand = step.operand.at(at.row + r, at.column);
  if (step.op == PostOp::mul) {
    change_row(step, operand, at.columns, row,
               [](VF32 x, VF32 y) HWY_ATTR { return hn::Mul(x, y); });
  } else {
    change_row(step, operand, at.columns, row,
               [](VF32 x, VF32 y) HWY_ATTR { return hn::Add(x, y); });
  }
}

/// What the last part's sums become.
void finish_tile(const Place& at, float* tile) {
  const std::size_t stride = tile_columns();
  for (const PackedStep& step : at.problem.steps)
    for (std::size_t r = 0; r < at.rows; ++r) take_step(at, step, r, tile + r * stride);
  for (std::size_t r = 0; r < at.rows; ++r) {
    const auto size = static_cast<std::int64_t>(at.columns);
    if (at.problem.c.dtype == ir::DType::f32) {
      std::copy_n(tile + r * stride, size, reinterpret_cast<float*>(at.result(r)));
    } else {
      scale_values(tile + r * stride, 1.F, reinterpret_cast<std::uint16_t*>(at.result(r)), size);
    }
  }
}

HWY_INLINE void store_tile(const Place& at, const Tile& sums) {
  const F32 d;
  const std::size_t lanes = hn::Lanes(d);
  const bool old = !at.first || at.problem.from_old;
  // What is no sum yet, or is a sum and nothing else.
  const bool plain = at.problem.c.dtype == ir::DType::f32 && at.problem.steps.empty();
  if (at.is_whole() && (plain || (!at.first && !at.last))) {
    for (std::size_t r = 0; r < tile_rows; ++r) {
      float* to = plain ? reinterpret_cast<float*>(at.result(r)) : at.sums(r);
      for (std::size_t v = 0; v < tile_vectors; ++v) {
        const VF32 sum = sums[r][v];
        float* at_vector = to + v * lanes;
        hn::StoreU(old ? hn::Add(hn::LoadU(d, at_vector), sum) : sum, d, at_vector);
      }
    }
    return;
  }
  HWY_ALIGN float tile[tile_rows * tile_vectors * hn::MaxLanes(F32())];
  for (std::size_t r = 0; r < tile_rows; ++r)
    for (std::size_t v = 0; v < tile_vectors; ++v)
      hn::StoreU(sums[r][v], d, tile + (r * tile_vectors + v) * lanes);
  if (old) add_old(at, tile);
  if (at.last) return finish_tile(at, tile);
  for (std::size_t r = 0; r < at.rows; ++r)
    std::copy_n(tile + r * tile_columns(), at.columns, at.sums(r));
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

/// One part of the sum for a block of the result.
template <class Left>
void multiply_part(const PackedProblem& problem, const PackedSpan& span, std::size_t part,
                   const PackedBlock& block, const PackedRoom& room) {
  const std::size_t k = span.first_depth + part * packed_depth;
  const std::size_t depth = std::min(packed_depth, span.first_depth + span.depth - k);
  const std::size_t width = tile_columns();
  const float* right = room.right + part * packed_depth * round_up(span.columns, width);
  pack_left<Left>(problem, block.first_row, block.rows, k, depth, room.left);
  const std::size_t tiles = (block.rows + tile_rows - 1) / tile_rows;
  Place at{problem, room, k == 0, k + depth == problem.depth, 0, 0, 0, 0};
  for (std::size_t panel = block.first_panel; panel < block.first_panel + block.panels; ++panel) {
    at.column = span.first_column + panel * width;
    at.columns = std::min(width, span.columns - panel * width);
    const float* rows = room.left;
    Fetch fetch{right + (panel + 1) * width * depth,
                panel + 1 < span.panels({tile_rows, width}) ? width * depth : 0};
    for (std::size_t row = 0; row < block.rows; row += tile_rows, rows += Left::tile) {
      at.row = block.first_row + row;
      at.rows = std::min(tile_rows, block.rows - row);
      for (std::size_t r = 0; r < at.rows; ++r) __builtin_prefetch(at.sums(r), 1);
      fetch.some(tiles);
      Tile sums;
      sum_tile<Left>(rows, right + panel * width * depth, depth, sums);
      store_tile(at, sums);
    }
  }
}

}  // namespace

TileShape shape_of_tile() { return {tile_rows, tile_columns()}; }

void pack_one(const PackedProblem& problem, const PackedSpan& span, std::size_t part,
              std::size_t panel, float* right) {
  const std::size_t width = tile_columns();
  const std::size_t k = span.first_depth + part * packed_depth;
  const std::size_t depth = std::min(packed_depth, span.first_depth + span.depth - k);
  const std::size_t columns = std::min(width, span.columns - panel * width);
  right += part * packed_depth * round_up(span.columns, width) + panel * width * depth;
  const PackedFactor& b = problem.b;
  with_type(b.dtype, b.at(k, span.first_column + panel * width), [&](const auto* from) HWY_ATTR {
    constexpr std::size_t whole = tile_vectors * hn::MaxLanes(F32());
    if (b.col_stride == 1 && columns == whole) {
      copy_columns<whole>(from, b.row_stride, depth, 0, right);
      return;
    }
    interleave(from, b.col_stride, b.row_stride, columns, depth, width, right);
  });
}

void multiply_some(const PackedProblem& problem, const PackedSpan& span, const PackedBlock& block,
                   const PackedRoom& room) {
  for (std::size_t part = 0; part < span.parts(); ++part) {
    if (problem.a.row_stride == 1 && problem.a.col_stride != 1) {
      multiply_part<Turned>(problem, span, part, block, room);
    } else {
      multiply_part<RowByRow>(problem, span, part, block, room);
    }
  }
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {

HWY_EXPORT(shape_of_tile);
HWY_EXPORT(pack_one);
HWY_EXPORT(multiply_some);

TileShape tile_shape() { return HWY_DYNAMIC_DISPATCH(shape_of_tile)(); }

void pack_panel(const PackedProblem& problem, const PackedSpan& span, std::size_t part,
                std::size_t panel, float* right) {
  HWY_DYNAMIC_DISPATCH(pack_one)(problem, span, part, panel, right);
}

void multiply_block(const PackedProblem& problem, const PackedSpan& span, const PackedBlock& block,
                    const PackedRoom& room) {
  HWY_DYNAMIC_DISPATCH(multiply_some)(problem, span, block, room);
}

}  // namespace gptc::onednn
#endif

// What becomes of a tile's sums in a packed product: what is added to them, the steps of the
// epilogue, the result. Once per instruction set.
#if defined(GPTC_ONEDNN_PACKED_STEPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GPTC_ONEDNN_PACKED_STEPS_INL_H_
#undef GPTC_ONEDNN_PACKED_STEPS_INL_H_
#else
#define GPTC_ONEDNN_PACKED_STEPS_INL_H_
#endif

#include <hwy/highway.h>

#include "backends/onednn/bf16-inl.h"
#include "backends/onednn/packed_copy-inl.h"
#include "backends/onednn/packed_tiles.h"
#include "backends/onednn/simd-inl.h"
#include "backends/onednn/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace {

/// Rows of floats, `stride` apart.
struct Sums {
  float* data = nullptr;
  std::size_t stride = 0;

  float* at(std::size_t r, std::size_t i) const { return data + r * stride + i; }
};

/// What is done with a whole tile's sums while they are in registers.
struct TileEnds {
  Sums old = {};                // added to them; none if null
  const float* bias = nullptr;  // then added to each row; none if null
  Sums to;
};

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
  /// Where sums wait for other parts.
  Sums sums() const { return {room.sums + row * room.sums_stride + column, room.sums_stride}; }
  std::byte* result(std::size_t r) const {
    return problem.result + (problem.c.at(row + r, column) - problem.c.data);
  }
  /// A result of f32.
  Sums result() const { return {reinterpret_cast<float*>(result(0)), problem.c.row_stride}; }
  /// Of f32, if it is the first step.
  const float* bias() const {
    if (problem.steps.empty() || problem.steps[0].op != PostOp::bias_row) return nullptr;
    const PackedFactor& values = problem.steps[0].operand;
    if (values.dtype != ir::DType::f32) return nullptr;
    return reinterpret_cast<const float*>(values.at(row, column));
  }
};

/// Calls body(row, i, access) for every vector of the tile's columns in every row.
template <class Body>
HWY_INLINE void over_tile(const Place& at, const Body& body) {
  if (at.is_whole()) {
    for (std::size_t r = 0; r < tile_rows; ++r)
      for (std::size_t v = 0; v < tile_vectors; ++v) body(r, v * hn::Lanes(F32()), Whole{});
    return;
  }
  for (std::size_t r = 0; r < at.rows; ++r) {
    sweep(static_cast<std::int64_t>(at.columns), [&](std::int64_t i, auto access) HWY_ATTR {
      body(r, static_cast<std::size_t>(i), access);
    });
  }
}

/// to = change(from, values), rows of values `stride` apart.
template <class T, class Change>
HWY_INLINE void change_by(const Place& at, const Sums& from, const Sums& to, const T* values,
                          std::size_t stride, const Change& change) {
  over_tile(at, [&](std::size_t r, std::size_t i, auto access) HWY_ATTR {
    const VF32 value = load_any(access, values + r * stride + i);
    access.store(F32(), change(access.load(F32(), from.at(r, i)), value), to.at(r, i));
  });
}

/// The same by the tile's part of a factor, f32 or bf16.
template <class Change>
HWY_INLINE void change_by(const Place& at, const Sums& from, const Sums& to,
                          const PackedFactor& factor, const Change& change) {
  const std::byte* values = factor.at(at.row, at.column);
  if (factor.dtype == ir::DType::bf16) {
    change_by(at, from, to, reinterpret_cast<const std::uint16_t*>(values), factor.row_stride,
              change);
  } else {
    change_by(at, from, to, reinterpret_cast<const float*>(values), factor.row_stride, change);
  }
}

/// Adds what the sums were before: a part's, or at first the result's own.
void add_old(const Place& at, const Sums& sums) {
  if (at.first) return change_by(at, sums, sums, at.problem.c, AddVectors{});
  change_by(at, sums, sums, at.sums().data, at.room.sums_stride, AddVectors{});
}

void take_step(const Place& at, const PackedStep& step, const Sums& from, const Sums& to) {
  const F32 d;
  const auto change = [&](const auto& changed) HWY_ATTR {
    over_tile(at, [&](std::size_t r, std::size_t i, auto access) HWY_ATTR {
      access.store(d, changed(access.load(d, from.at(r, i))), to.at(r, i));
    });
  };
  switch (step.op) {
    case PostOp::gelu_tanh:
      return change([&](VF32 x) HWY_ATTR { return Gelu::value(d, x); });
    case PostOp::relu:
      return change([&](VF32 x) HWY_ATTR { return MaxVectors{}(x, hn::Zero(d)); });
    case PostOp::mul:
      return change_by(at, from, to, step.operand,
                       [](VF32 x, VF32 y) HWY_ATTR { return hn::Mul(x, y); });
    default:
      return change_by(at, from, to, step.operand, AddVectors{});
  }
}

/// What the last part's sums become: steps from `step` on, then the result.
void finish_tile(const Place& at, std::size_t step, const Sums& sums) {
  const std::vector<PackedStep>& steps = at.problem.steps;
  const bool rounds = at.problem.c.dtype != ir::DType::f32;
  if (!rounds && step == steps.size()) {
    for (std::size_t r = 0; r < at.rows; ++r)
      copy_wide(sums.at(r, 0), 1, at.columns, at.result().at(r, 0));
  }
  for (; step < steps.size(); ++step) {
    const bool ends = !rounds && step + 1 == steps.size();
    take_step(at, steps[step], sums, ends ? at.result() : sums);
  }
  for (std::size_t r = 0; rounds && r < at.rows; ++r) {
    scale_values(sums.at(r, 0), 1.F, reinterpret_cast<std::uint16_t*>(at.result(r)),
                 static_cast<std::int64_t>(at.columns));
  }
}

}  // namespace
}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard per instruction set

// Parts of matrices copied into the order in which tiles of a packed product read them, as f32.
// Once per instruction set.
#if defined(GPTC_ONEDNN_PACKED_COPY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GPTC_ONEDNN_PACKED_COPY_INL_H_
#undef GPTC_ONEDNN_PACKED_COPY_INL_H_
#else
#define GPTC_ONEDNN_PACKED_COPY_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "backends/onednn/bf16-inl.h"
#include "backends/onednn/packed_tiles.h"
#include "backends/onednn/round_up.h"
#include "backends/onednn/simd-inl.h"
#include "backends/onednn/turn-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Two vectors of columns by as many rows as leave registers for them and a value of a.
inline constexpr std::size_t tile_vectors = 2;
inline constexpr std::size_t tile_rows = HWY_TARGET <= HWY_AVX3 ? 12 : 6;

HWY_INLINE std::size_t tile_columns() { return tile_vectors * hn::Lanes(F32()); }

HWY_INLINE VF32 load_wide(const float* from) { return hn::LoadU(F32(), from); }
HWY_INLINE VF32 load_wide(const std::uint16_t* from) { return load_bf16(Whole(), from); }
HWY_INLINE VF32 load_wide(const std::int8_t* from) {
  const hn::RebindToSigned<F32> di;
  const hn::Rebind<std::int8_t, F32> d8;
  return hn::ConvertTo(F32(), hn::PromoteTo(di, hn::LoadU(d8, from)));
}
HWY_INLINE float wide(float value) { return value; }
HWY_INLINE float wide(std::int8_t value) { return value; }
HWY_INLINE float wide(std::uint16_t bf16) {
  const std::uint32_t bits = std::uint32_t{bf16} << 16;
  float value = 0;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

/// Calls body(typed pointer).
template <class Body>
HWY_INLINE void with_type(ir::DType dtype, const std::byte* data, const Body& body) {
  if (dtype == ir::DType::f32) {
    body(reinterpret_cast<const float*>(data));
  } else if (dtype == ir::DType::bf16) {
    body(reinterpret_cast<const std::uint16_t*>(data));
  } else {
    body(reinterpret_cast<const std::int8_t*>(data));
  }
}

/// to[i] = from[i * stride].
template <class T>
HWY_INLINE void copy_wide(const T* HWY_RESTRICT from, std::size_t stride, std::size_t size,
                          float* HWY_RESTRICT to) {
  const std::size_t lanes = hn::Lanes(F32());
  std::size_t i = 0;
  if (stride == 1) {
    for (; i + lanes <= size; i += lanes) hn::StoreU(load_wide(from + i), F32(), to + i);
  }
  for (; i < size; ++i) to[i] = wide(from[i * stride]);
}

/// interleave() of whole tiles that are stored so. `beyond` the rows of a column so many values may
/// be read, and written behind the last column.
template <std::size_t kRows, class T>
HWY_INLINE bool copy_columns(const T* HWY_RESTRICT from, std::size_t col_stride, std::size_t size,
                             std::size_t beyond, float* HWY_RESTRICT to) {
  const F32 d;
  constexpr std::size_t lanes = hn::MaxLanes(F32());
  constexpr std::size_t vectors = (kRows + lanes - 1) / lanes;
  if (vectors * lanes - kRows > beyond) return false;
  for (std::size_t i = 0; i < size; ++i, from += col_stride, to += kRows) {
    hwy::Prefetch(from + 8 * col_stride);
    for (std::size_t v = 0; v < vectors; ++v)
      hn::StoreU(load_wide(from + v * lanes), d, to + v * lanes);
  }
  return true;
}

/// to[i * rows + r] = from[r * row_stride + i * col_stride] for `count` rows of at most
/// most_depth values; zeros up to `rows`, of which there are at most tile_columns().
template <class T>
void interleave(const T* HWY_RESTRICT from, std::size_t row_stride, std::size_t col_stride,
                std::size_t count, std::size_t size, std::size_t rows, float* HWY_RESTRICT to) {
  if (row_stride == 1) {
    for (std::size_t i = 0; i < size; ++i) {
      float* row = to + i * rows;
      copy_wide(from + i * col_stride, 1, count, row);
      std::fill(row + count, row + rows, 0.F);
    }
    return;
  }
  // Strips of rows are widened, then turned.
  const std::size_t strip = turn_strip_rows();
  constexpr std::size_t pitch = most_depth + 16;  // rows do not compete for the same lines
  HWY_ALIGN float room[hn::MaxLanes(F32()) * pitch];
  for (std::size_t first = 0; first < rows; first += strip) {
    const std::size_t there = std::min(strip, count - std::min(count, first));
    const std::size_t padded = round_up(size, 4);
    for (std::size_t r = 0; r < strip; ++r) {
      float* row = room + r * pitch;
      if (r < there) copy_wide(from + (first + r) * row_stride, col_stride, size, row);
      std::fill(row + (r < there ? size : 0), row + padded, 0.F);
    }
    std::size_t i = 0;
    if (first + strip <= rows)
      for (; i + 4 <= size; i += 4) turn_strip(room + i, pitch, to + i * rows + first, rows);
    const std::size_t last = std::min(strip, rows - first);
    for (; i < size; ++i)
      for (std::size_t r = 0; r < last; ++r) to[i * rows + first + r] = room[r * pitch + i];
  }
}

/// interleave() of kRows rows of f32 where they lie. Whole strips of rows are read, and as many
/// values behind the last column written; the next kRows rows are fetched.
template <std::size_t kRows>
HWY_INLINE void turn_rows(const float* HWY_RESTRICT from, std::size_t row_stride, std::size_t size,
                          float* HWY_RESTRICT to) {
  constexpr std::size_t line = 16;  // floats
  const auto turn = [&](std::size_t begin, std::size_t end) HWY_ATTR {
    for (std::size_t i = begin; i + 4 <= end; i += 4)
      for (std::size_t first = 0; first < kRows; first += turn_strip_rows())
        turn_strip(from + first * row_stride + i, row_stride, to + i * kRows + first, kRows);
  };
  const std::size_t whole = size / line * line;
  for (std::size_t i = 0; i < whole; i += line) {
    for (std::size_t r = 0; r < kRows; ++r) hwy::Prefetch(from + (kRows + r) * row_stride + i);
    turn(i, i + line);
  }
  turn(whole, size);
  for (std::size_t i = size / 4 * 4; i < size; ++i)
    for (std::size_t r = 0; r < kRows; ++r) to[i * kRows + r] = from[r * row_stride + i];
}

/// Rows of a that one tile reads: `count` of them from `from` on, `there` up to the matrix's end.
template <class T>
HWY_INLINE void pack_tile(const PackedFactor& a, const T* HWY_RESTRICT from, std::size_t count,
                          std::size_t there, std::size_t size, float* HWY_RESTRICT to) {
  if (a.row_stride == 1 && count == tile_rows &&
      copy_columns<tile_rows>(from, a.col_stride, size, there - tile_rows, to))
    return;
  if constexpr (std::is_same_v<T, float>) {
    const std::size_t strip = turn_strip_rows();
    if (a.col_stride == 1 && tile_rows <= strip && strip <= there)
      return turn_rows<tile_rows>(from, a.row_stride, size, to);
  }
  interleave(from, a.row_stride, a.col_stride, count, size, tile_rows, to);
}

/// Rows of a from `first` on, values [k, k + depth) of them, tile by tile as tiles read them; zeros
/// behind the last row and up to `padded` values.
inline void pack_left(const PackedProblem& problem, std::size_t first, std::size_t rows,
                      std::size_t k, std::size_t depth, std::size_t padded, float* left) {
  const PackedFactor& a = problem.a;
  const std::size_t pitch = left_pitch({tile_rows, tile_columns()}, padded);
  // Where neighbours in a column of a lie side by side, a few lines serve all tiles.
  const std::size_t step = a.row_stride == 1 ? depth_step : depth;
  for (std::size_t i = 0; i < depth; i += step) {
    const std::size_t size = std::min(step, depth - i);
    float* to = left + i * tile_rows;
    for (std::size_t row = 0; row < rows; row += tile_rows, to += pitch) {
      with_type(a.dtype, a.at(first + row, k + i), [&](const auto* from) HWY_ATTR {
        pack_tile(a, from, std::min(tile_rows, rows - row), problem.rows - first - row, size, to);
      });
    }
  }
  if (padded == depth) return;
  for (std::size_t row = 0; row < rows; row += tile_rows, left += pitch)
    std::fill(left + depth * tile_rows, left + padded * tile_rows, 0.F);
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard per instruction set

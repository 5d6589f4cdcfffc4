// The factors of attention's products in tiles: as f32, or as pairs of bf16 for the processor's dot
// product. Either way a factor is made of 32-bit words, `pack` elements each, that are neighbours
// in the sum. Rows: [row, words of the row]; stacked: [words over the rows, column]. Once per
// instruction set.
#if defined(GPTC_ONEDNN_ATTENTION_FACTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GPTC_ONEDNN_ATTENTION_FACTORS_INL_H_
#undef GPTC_ONEDNN_ATTENTION_FACTORS_INL_H_
#else
#define GPTC_ONEDNN_ATTENTION_FACTORS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstring>

#include "backends/onednn/attention.h"
#include "backends/onednn/bf16-inl.h"
#include "backends/onednn/bf16_gemm.h"
#include "backends/onednn/gemm-inl.h"
#include "backends/onednn/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Rows of a factor, padded with zeros.
struct PaddedSize {
  std::size_t rows;
  std::size_t size;
};

/// A matrix of words in memory, rows `stride` words apart.
struct WordRows {
  const float* data;
  std::size_t stride;
};

/// Rows that lie pages apart, as those of a head do, are fetched so many before they are packed.
inline constexpr std::size_t rows_ahead = 12;

HWY_INLINE void fetch_row(const SourceRows& rows, std::size_t row) {
  constexpr std::size_t line = 64;
  if (row >= rows.count) return;
  const std::size_t width = rows.first.is_bf16 ? 2 : 4;
  const std::byte* at = rows.first.data + row * rows.stride * width;
  for (std::size_t i = 0; i < rows.size * width; i += line) __builtin_prefetch(at + i, 0, 3);
}

struct WideFactors {
  static constexpr std::size_t pack = 1;

  template <Old kOld>
  static HWY_INLINE void multiply(GemmSize size, LeftFactor a, const float* b, std::size_t b_stride,
                                  float* c, std::size_t c_stride,
                                  const float* row_scales = nullptr) {
    gemm<kOld>(size, a, b, b_stride, c, c_stride, row_scales);
  }

  static HWY_INLINE void pack_rows(const SourceRows& from, PaddedSize padded, float* to) {
    for (std::size_t row = 0; row < from.count; ++row, to += padded.size) {
      fetch_row(from, row + rows_ahead);
      if (from.first.is_bf16) {
        scale_values(from.row<std::uint16_t>(row), 1.F, to, static_cast<std::int64_t>(from.size));
      } else {
        std::memcpy(to, from.row<float>(row), from.size * sizeof(float));
      }
      std::memset(to + from.size, 0, (padded.size - from.size) * sizeof(float));
    }
    std::memset(to, 0, (padded.rows - from.count) * padded.size * sizeof(float));
  }
  /// Rows are stacked as they are.
  static HWY_INLINE const float* stack(const float* rows, PaddedSize, float* /*room*/) {
    return rows;
  }
  static HWY_INLINE WordRows stack(const WordRows& rows, PaddedSize, float* /*room*/) {
    return rows;
  }
  /// Turns values in a row into words, in place.
  static HWY_INLINE void pack_values(float* /*values*/, std::size_t /*count*/) {}

  /// Values of a vector of queries at `key`, as rows of a tile.
  static HWY_INLINE void put_row(FloatVec value, float* tile, std::size_t key, std::size_t query) {
    hn::StoreU(value, FloatTag(), tile + key * attention_tile + query);
  }
  /// Those at `key` and the next, stacked over keys.
  static HWY_INLINE void put_stacked(FloatVec first, FloatVec second, float* tile, std::size_t key,
                                     std::size_t query) {
    put_row(first, tile, key, query);
    put_row(second, tile, key + 1, query);
  }
};

struct PairFactors {
  static constexpr std::size_t pack = 2;

  template <Old kOld>
  static HWY_INLINE void multiply(GemmSize size, LeftFactor a, const float* b, std::size_t b_stride,
                                  float* c, std::size_t c_stride,
                                  const float* row_scales = nullptr) {
    Bf16Gemm{.rows = size.rows,
             .cols = size.cols,
             .words = size.depth,
             .a = reinterpret_cast<const std::uint32_t*>(a.data),
             .a_row_stride = a.row_stride,
             .a_k_stride = a.k_stride,
             .b = reinterpret_cast<const std::uint32_t*>(b),
             .b_stride = b_stride,
             .c = c,
             .c_stride = c_stride,
             .old = kOld,
             .row_scales = row_scales}
        .run();
  }

  static HWY_INLINE void pack_rows(const SourceRows& from, PaddedSize padded, float* to) {
    auto* halves = reinterpret_cast<std::uint16_t*>(to);
    for (std::size_t row = 0; row < from.count; ++row, halves += padded.size) {
      std::memcpy(halves, from.row<std::uint16_t>(row), from.size * sizeof(*halves));
      std::memset(halves + from.size, 0, (padded.size - from.size) * sizeof(*halves));
    }
    std::memset(halves, 0, (padded.rows - from.count) * padded.size * sizeof(*halves));
  }
  static HWY_INLINE const float* stack(const float* rows, PaddedSize padded, float* room) {
    return stack(WordRows{rows, padded.size / pack}, padded, room).data;
  }
  static HWY_INLINE WordRows stack(const WordRows& rows, PaddedSize padded, float* room) {
    const hn::RebindToUnsigned<FloatTag> du;
    const auto* halves = reinterpret_cast<const std::uint16_t*>(rows.data);
    const std::size_t stride = rows.stride * pack;
    auto* words = reinterpret_cast<std::uint32_t*>(room);
    for (std::size_t row = 0; row < padded.rows; row += pack) {
      for (std::size_t i = 0; i < padded.size; i += hn::Lanes(du)) {
        const std::uint16_t* at = halves + row * stride + i;
        const auto low = hn::PromoteTo(du, hn::LoadU(HalfTag(), at));
        const auto high = hn::PromoteTo(du, hn::LoadU(HalfTag(), at + stride));
        hn::StoreU(hn::Or(low, hn::ShiftLeft<16>(high)), du, words);
        words += hn::Lanes(du);
      }
    }
    return {room, padded.size};
  }
  static HWY_INLINE void pack_values(float* values, std::size_t count) {
    scale_values(values, 1.F, reinterpret_cast<std::uint16_t*>(values),
                 static_cast<std::int64_t>(count));
  }

  static HWY_INLINE void put_row(FloatVec value, float* tile, std::size_t key, std::size_t query) {
    auto* halves = reinterpret_cast<std::uint16_t*>(tile + key * attention_tile);
    hn::StoreU(narrow(value), HalfTag(), halves + query);
  }
  static HWY_INLINE void put_stacked(FloatVec first, FloatVec second, float* tile, std::size_t key,
                                     std::size_t query) {
    const hn::RebindToUnsigned<FloatTag> du;
    const auto words = hn::Or(hn::ShiftRight<16>(rounded_bits(first)),
                              hn::And(rounded_bits(second), hn::Set(du, 0xffff0000U)));
    hn::StoreU(hn::BitCast(FloatTag(), words), FloatTag(),
               tile + key / pack * attention_tile + query);
  }
};

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard per instruction set

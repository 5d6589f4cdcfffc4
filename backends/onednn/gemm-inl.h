// Products of small tiles that lie in cache, for kernels that keep their matrices in tiles.
// Included once per instruction set (Highway); everything is single precision.
#if defined(GPTC_ONEDNN_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GPTC_ONEDNN_GEMM_INL_H_
#undef GPTC_ONEDNN_GEMM_INL_H_
#else
#define GPTC_ONEDNN_GEMM_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>

#include "backends/onednn/bf16_gemm.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;

/// Element (row, k) of the left factor is data[row * row_stride + k * k_stride].
struct LeftFactor {
  const float* data;
  std::size_t row_stride;
  std::size_t k_stride;
  LeftFactor at(std::size_t row, std::size_t k) const {
    return {data + row * row_stride + k * k_stride, row_stride, k_stride};
  }
};

/// Vectors per row of a register block: 16 accumulators where there are 32 registers, else 8.
inline constexpr std::size_t block_rows = 4;
inline constexpr std::size_t block_vectors = HWY_TARGET <= HWY_AVX3 ? 4 : 2;

/// One register block, kRows x (kVectors vectors).
template <std::size_t kRows, std::size_t kVectors, Old kOld>
HWY_INLINE void gemm_block(LeftFactor a, const float* HWY_RESTRICT b, std::size_t b_stride,
                           std::size_t depth, const float* row_scales, float* HWY_RESTRICT c,
                           std::size_t c_stride) {
  const FloatTag d;
  const std::size_t lanes = hn::Lanes(d);
  FloatVec acc[kRows][kVectors];
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      if constexpr (kOld == Old::ignore) {
        acc[r][v] = hn::Zero(d);
      } else {
        acc[r][v] = hn::LoadU(d, c + r * c_stride + v * lanes);
        if constexpr (kOld == Old::scale_rows_and_add)
          acc[r][v] = hn::Mul(acc[r][v], hn::Set(d, row_scales[r]));
      }
    }
  }
  const float* rows[kRows];
  for (std::size_t r = 0; r < kRows; ++r) rows[r] = a.data + r * a.row_stride;
  for (std::size_t k = 0; k < depth; ++k) {
    FloatVec right[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) right[v] = hn::LoadU(d, b + v * lanes);
    for (std::size_t r = 0; r < kRows; ++r) {
      const FloatVec left = hn::Set(d, *rows[r]);
      for (std::size_t v = 0; v < kVectors; ++v) acc[r][v] = hn::MulAdd(left, right[v], acc[r][v]);
      rows[r] += a.k_stride;
    }
    b += b_stride;
  }
  for (std::size_t r = 0; r < kRows; ++r)
    for (std::size_t v = 0; v < kVectors; ++v)
      hn::StoreU(acc[r][v], d, c + r * c_stride + v * lanes);
}

struct GemmSize {
  std::size_t rows;   // one, or a multiple of block_rows
  std::size_t cols;   // a multiple of the vector length
  std::size_t depth;  // any
};

/// c[rows, cols] = a[rows, depth] b[depth, cols], with the old c as kOld says. Every element is
/// summed in order of depth.
template <Old kOld>
HWY_INLINE void gemm(GemmSize size, LeftFactor a, const float* HWY_RESTRICT b, std::size_t b_stride,
                     float* HWY_RESTRICT c, std::size_t c_stride,
                     const float* row_scales = nullptr) {
  const std::size_t lanes = hn::Lanes(FloatTag());
  std::size_t col = 0;
  const auto rows_by_vectors = [&]<std::size_t kRows, std::size_t kVectors>(
                                   std::size_t row) HWY_ATTR {
    gemm_block<kRows, kVectors, kOld>(a.at(row, 0), b + col, b_stride, size.depth,
                                      kOld == Old::scale_rows_and_add ? row_scales + row : nullptr,
                                      c + row * c_stride + col, c_stride);
  };
  const auto panel = [&]<std::size_t kVectors>() HWY_ATTR {
    if (size.rows == 1) rows_by_vectors.template operator()<1, kVectors>(0);
    for (std::size_t row = 0; row + block_rows <= size.rows; row += block_rows)
      rows_by_vectors.template operator()<block_rows, kVectors>(row);
    col += kVectors * lanes;
  };
  while (col + block_vectors * lanes <= size.cols) panel.template operator()<block_vectors>();
  const std::size_t left = (size.cols - col) / lanes;
  if constexpr (block_vectors == 4) {
    if (left == 3) panel.template operator()<3>();
    if (left == 2) panel.template operator()<2>();
  }
  if (left == 1) panel.template operator()<1>();
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard per instruction set

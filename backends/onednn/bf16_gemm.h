// Products of small tiles of bf16 pairs, by the processor's own instruction.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gptc::onednn {

/// What becomes of the old contents of a product's result.
enum class Old : std::uint8_t { ignore, add, scale_rows_and_add };

/// c[rows, cols] = old + Σ over words k and both halves h of a[row, k].h · b[k, col].h, summed in
/// f32 in order of k. A word holds two bf16 that are neighbours in the contraction; the first is
/// the low half.
struct Bf16Gemm {
  std::size_t rows = 0;              // one, or a multiple of 4
  std::size_t cols = 0;              // a multiple of 16
  std::size_t words = 0;             // half of the depth
  const std::uint32_t* a = nullptr;  // word (row, k) is a[row * a_row_stride + k * a_k_stride]
  std::size_t a_row_stride = 0;
  std::size_t a_k_stride = 0;
  const std::uint32_t* b = nullptr;  // word (k, col) is b[k * b_stride + col]
  std::size_t b_stride = 0;
  float* c = nullptr;
  std::size_t c_stride = 0;
  Old old = Old::ignore;
  const float* row_scales = nullptr;  // of the old rows, for scale_rows_and_add

  /// Only where has_bf16_dot().
  void run() const;
};

}  // namespace gptc::onednn

#include "backends/onednn/bf16_gemm.h"

#include "ir/check.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace gptc::onednn {

#if defined(__x86_64__)
namespace {

#define GPTC_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

constexpr std::size_t lanes = 16;
constexpr std::size_t block_rows = 4;
constexpr std::size_t block_vectors = 4;  // 16 sums in flight, 32 registers

/// kRows x (kVectors vectors) at `row` and `col`.
template <std::size_t kRows, std::size_t kVectors>
GPTC_BF16 inline void block(const Bf16Gemm& at, std::size_t row, std::size_t col) {
  __m512 sum[kRows][kVectors];
  float* c = at.c + row * at.c_stride + col;
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      sum[r][v] = at.old == Old::ignore ? _mm512_setzero_ps()
                                        : _mm512_loadu_ps(c + r * at.c_stride + v * lanes);
      if (at.old == Old::scale_rows_and_add)
        sum[r][v] = _mm512_mul_ps(sum[r][v], _mm512_set1_ps(at.row_scales[row + r]));
    }
  }
  const std::uint32_t* a = at.a + row * at.a_row_stride;
  const std::uint32_t* b = at.b + col;
  for (std::size_t k = 0; k < at.words; ++k, a += at.a_k_stride, b += at.b_stride) {
    __m512i right[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) right[v] = _mm512_loadu_si512(b + v * lanes);
    for (std::size_t r = 0; r < kRows; ++r) {
      const auto left =
          reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(a[r * at.a_row_stride])));
      for (std::size_t v = 0; v < kVectors; ++v)
        sum[r][v] = _mm512_dpbf16_ps(sum[r][v], left, reinterpret_cast<__m512bh>(right[v]));
    }
  }
  for (std::size_t r = 0; r < kRows; ++r)
    for (std::size_t v = 0; v < kVectors; ++v)
      _mm512_storeu_ps(c + r * at.c_stride + v * lanes, sum[r][v]);
}

template <std::size_t kVectors>
GPTC_BF16 void panel(const Bf16Gemm& at, std::size_t col) {
  if (at.rows == 1) return block<1, kVectors>(at, 0, col);
  for (std::size_t row = 0; row < at.rows; row += block_rows)
    block<block_rows, kVectors>(at, row, col);
}

}  // namespace

GPTC_BF16 void Bf16Gemm::run() const {
  std::size_t col = 0;
  for (; col + block_vectors * lanes <= cols; col += block_vectors * lanes)
    panel<block_vectors>(*this, col);
  const std::size_t left = (cols - col) / lanes;
  if (left == 3) panel<3>(*this, col);
  if (left == 2) panel<2>(*this, col);
  if (left == 1) panel<1>(*this, col);
}

#else

void Bf16Gemm::run() const { ir::internal_error("this processor does not multiply bf16"); }

#endif

}  // namespace gptc::onednn

// Blocks of words turned in registers. Once per instruction set.
#if defined(GPTC_ONEDNN_TURN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GPTC_ONEDNN_TURN_INL_H_
#undef GPTC_ONEDNN_TURN_INL_H_
#else
#define GPTC_ONEDNN_TURN_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// to[j, i] = from[i, j], i and j below 4.
HWY_INLINE void turn_block(const float* HWY_RESTRICT from, std::size_t from_stride,
                           float* HWY_RESTRICT to, std::size_t to_stride) {
#if HWY_TARGET == HWY_SCALAR
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j) to[j * to_stride + i] = from[i * from_stride + j];
#else
  const hn::FixedTag<float, 4> d;
  const auto a = hn::LoadU(d, from);
  const auto b = hn::LoadU(d, from + from_stride);
  const auto c = hn::LoadU(d, from + 2 * from_stride);
  const auto e = hn::LoadU(d, from + 3 * from_stride);
  const auto ac_low = hn::InterleaveLower(d, a, c);
  const auto be_low = hn::InterleaveLower(d, b, e);
  const auto ac_high = hn::InterleaveUpper(d, a, c);
  const auto be_high = hn::InterleaveUpper(d, b, e);
  hn::StoreU(hn::InterleaveLower(d, ac_low, be_low), d, to);
  hn::StoreU(hn::InterleaveUpper(d, ac_low, be_low), d, to + to_stride);
  hn::StoreU(hn::InterleaveLower(d, ac_high, be_high), d, to + 2 * to_stride);
  hn::StoreU(hn::InterleaveUpper(d, ac_high, be_high), d, to + 3 * to_stride);
#endif
}

/// Rows that turn_strip turns at a time: those of a vector, 16 at most.
HWY_INLINE std::size_t turn_strip_rows() { return hn::Lanes(hn::CappedTag<float, 16>()); }

/// Columns of turn_strip_rows() rows.
using ColumnTag = hn::CappedTag<float, 16>;
struct FourColumns {
  hn::Vec<ColumnTag> a, b, c, e;
};

/// The first four columns of rows `stride` apart.
HWY_INLINE FourColumns four_columns(const float* HWY_RESTRICT from,
                                    [[maybe_unused]] std::size_t from_stride) {
  const ColumnTag d;
#if HWY_TARGET == HWY_SCALAR
  return {hn::Set(d, from[0]), hn::Set(d, from[1]), hn::Set(d, from[2]), hn::Set(d, from[3])};
#else
  const std::size_t blocks = hn::Lanes(d) / 4;
  // Block b of a vector is from row first + 4b.
  const auto gather = [&](std::size_t first) HWY_ATTR {
    const float* row = from + first * from_stride;
    auto rows = hn::LoadDup128(d, row);
    for (std::size_t b = 1; b < blocks; ++b)
      rows =
          hn::IfThenElse(hn::FirstN(d, 4 * b), rows, hn::LoadDup128(d, row + 4 * b * from_stride));
    return rows;
  };
  const auto a = gather(0);
  const auto b = gather(1);
  const auto c = gather(2);
  const auto e = gather(3);
  const auto ac_low = hn::InterleaveLower(d, a, c);
  const auto be_low = hn::InterleaveLower(d, b, e);
  const auto ac_high = hn::InterleaveUpper(d, a, c);
  const auto be_high = hn::InterleaveUpper(d, b, e);
  return {hn::InterleaveLower(d, ac_low, be_low), hn::InterleaveUpper(d, ac_low, be_low),
          hn::InterleaveLower(d, ac_high, be_high), hn::InterleaveUpper(d, ac_high, be_high)};
#endif
}

/// to[j, i] = from[i, j], i below turn_strip_rows(), j below 4.
HWY_INLINE void turn_strip(const float* HWY_RESTRICT from, std::size_t from_stride,
                           float* HWY_RESTRICT to, std::size_t to_stride) {
  const ColumnTag d;
  const FourColumns columns = four_columns(from, from_stride);
  hn::StoreU(columns.a, d, to);
  hn::StoreU(columns.b, d, to + to_stride);
  hn::StoreU(columns.c, d, to + 2 * to_stride);
  hn::StoreU(columns.e, d, to + 3 * to_stride);
}

/// to[j, i] = from[i, j]; the sizes are multiples of 4.
HWY_INLINE void turn_blocks(const float* HWY_RESTRICT from, std::size_t from_stride,
                            std::size_t rows, std::size_t columns, float* HWY_RESTRICT to,
                            std::size_t to_stride) {
  const std::size_t strip = turn_strip_rows();
  std::size_t i = 0;
  for (; i + strip <= rows; i += strip) {
    for (std::size_t j = 0; j < columns; j += 4)
      turn_strip(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
  }
  for (; i < rows; i += 4) {
    for (std::size_t j = 0; j < columns; j += 4)
      turn_block(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
  }
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard per instruction set

// Rows from and to bf16: how a region reads what is kept in half the bytes.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/cast_rows.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "backends/onednn/bf16-inl.h"
#include "backends/onednn/rows.h"
#include "backends/onednn/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {

template <class From, class To>
HWY_INLINE void convert_rows(const RowTile& tile) {
  const RowArg& from = tile.operands[0];
  const RowArg& to = tile.results[0];
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    const From* x = reinterpret_cast<const From*>(from.data) + r * from.row_stride;
    To* y = reinterpret_cast<To*>(to.data) + r * to.row_stride;
    sweep(tile.cols, [&](std::int64_t i, auto access)
                         HWY_ATTR { store_any(access, load_any(access, x + i), y + i); });
  }
}

void widen_rows(const RowTile& tile) { convert_rows<std::uint16_t, float>(tile); }
void narrow_rows(const RowTile& tile) { convert_rows<float, std::uint16_t>(tile); }

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {
namespace {

HWY_EXPORT(widen_rows);
HWY_EXPORT(narrow_rows);

}  // namespace

RowFn cast_rows(ir::DType from, ir::DType to) {
  if (from == ir::DType::bf16 && to == ir::DType::f32) return HWY_DYNAMIC_DISPATCH(widen_rows);
  if (from == ir::DType::f32 && to == ir::DType::bf16) return HWY_DYNAMIC_DISPATCH(narrow_rows);
  return nullptr;
}

void cast_row(RowFn run, const void* from, void* to, std::int64_t size) {
  // Row functions take no const pointers; they only write results.
  const RowArg operand{static_cast<float*>(const_cast<void*>(from))};
  const RowArg result{static_cast<float*>(to)};
  run({.operands = &operand, .results = &result, .rows = 1, .cols = size});
}

}  // namespace gptc::onednn
#endif

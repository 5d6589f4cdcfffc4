#include "backends/onednn/turn.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backends/onednn/turn.cpp"
#include <hwy/foreach_target.h>
// The order matters: foreach_target first.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstdint>
#include <cstring>

#include "backends/onednn/turn-inl.h"

HWY_BEFORE_NAMESPACE();
namespace gptc::onednn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void turn_whole(const float* from, std::size_t from_stride, std::size_t rows, std::size_t columns,
                float* to, std::size_t to_stride) {
  turn_blocks(from, from_stride, rows, columns, to, to_stride);
}

void stream_floats(const float* from, std::size_t count, float* to) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  if (count % lanes != 0 || reinterpret_cast<std::uintptr_t>(to) % (lanes * sizeof(float)) != 0) {
    std::memcpy(to, from, count * sizeof(float));
    return;
  }
  for (std::size_t i = 0; i < count; i += lanes) hn::Stream(hn::LoadU(d, from + i), d, to + i);
}

}  // namespace gptc::onednn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gptc::onednn {

HWY_EXPORT(turn_whole);
HWY_EXPORT(stream_floats);

void turn(const float* from, std::size_t from_stride, std::size_t rows, std::size_t columns,
          float* to, std::size_t to_stride) {
  const std::size_t whole_rows = rows / 4 * 4;
  const std::size_t whole_columns = columns / 4 * 4;
  HWY_DYNAMIC_DISPATCH(turn_whole)
  (from, from_stride, whole_rows, whole_columns, to, to_stride);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = i < whole_rows ? whole_columns : 0; j < columns; ++j)
      to[j * to_stride + i] = from[i * from_stride + j];
  }
}

void stream(std::span<const float> from, float* to) {
  HWY_DYNAMIC_DISPATCH(stream_floats)(from.data(), from.size(), to);
}

void finish_streaming() { hwy::FlushStream(); }

}  // namespace gptc::onednn
#endif  // HWY_ONCE

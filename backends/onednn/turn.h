// Matrices on their way from one layout to the other, where nobody reads the result soon.
#pragma once

#include <cstddef>
#include <span>

namespace gptc::onednn {

/// to[j * to_stride + i] = from[i * from_stride + j]; the two do not overlap. Fast for small
/// matrices, whose both forms stay in the first cache.
void turn(const float* from, std::size_t from_stride, std::size_t rows, std::size_t columns,
          float* to, std::size_t to_stride);

/// Copies to where `to` points, past the caches if its place and size allow that. After the last
/// call a thread must order its stores (finish_streaming) before others read them.
void stream(std::span<const float> from, float* to);
void finish_streaming();

}  // namespace gptc::onednn

#include "backends/runtime/tensor.h"

#include <bit>
#include <cmath>
#include <utility>

#include "ir/check.h"

namespace gptc::runtime {

void TensorView::check_element_size(std::size_t size) const {
  const auto element = static_cast<std::size_t>(ir::dtype_bytes(type.dtype));
  ir::internal_check(element == size, "{} viewed as elements of {} bytes", type.text(), size);
}

Tensor::Tensor(ir::Type type)
    : type_(std::move(type)), storage_(static_cast<std::size_t>(type_.bytes())) {}

float bf16_to_f32(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::uint16_t f32_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x0040U);  // quiet
  const std::uint32_t half_to_even = 0x7fffU + ((bits >> 16) & 1U);
  return static_cast<std::uint16_t>((bits + half_to_even) >> 16);
}

}  // namespace gptc::runtime

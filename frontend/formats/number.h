#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "frontend/formats/dtype.h"

namespace gptc::formats {

/// One number of 16 bits; f16 is IEEE 754's binary16. Narrowing rounds to nearest, ties to even;
/// what is too large becomes infinite, NaN stays NaN.
float f16_to_f32(std::uint16_t bits);
std::uint16_t f32_to_f16(float value);
inline float bf16_to_f32(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}
inline std::uint16_t f32_to_bf16(float value) {
  constexpr std::uint32_t size_bits = 0x7fffffffU;
  constexpr std::uint32_t infinity = 0x7f800000U;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffU + (bits >> 16 & 1U)) >> 16;
  const bool is_number = (bits & size_bits) <= infinity;
  return static_cast<std::uint16_t>(is_number ? rounded : bits >> 16 | 0x40U);
}

/// Whether read_floats takes elements of this type: F32, F16, BF16.
bool is_readable_float(DType type);
/// Elements of a file as floats. `bytes` holds `out.size()` elements of a readable type, at any
/// address.
void read_floats(DType type, std::span<const std::byte> bytes, std::span<float> out);
/// Whether elements of a readable type, at any address, are all finite numbers.
bool all_finite(DType type, std::span<const std::byte> bytes);

/// How elements are stored in a file that is written. Q8_0 (ggml): blocks of 32 of a row, an f16
/// scale d = max|x|/127 and then 32 bytes round(x/d). Q4_0 (ggml): likewise d = x/-8 of the x that
/// is furthest from 0, then 16 bytes, of which byte j has round(x/d) + 8, at most 15, of element j
/// in its low half and of element 16 + j in its high half.
enum class Encoding : std::uint8_t { F32, F16, BF16, Q8_0, Q4_0 };

/// "f32", "f16", "bf16", "q8_0", "q4_0".
std::string_view name(Encoding encoding);
/// Elements that are stored together: 32 for Q8_0 and Q4_0, else 1; and the bytes they take.
std::size_t block_elements(Encoding encoding);
std::size_t block_bytes(Encoding encoding);
/// Writes whole blocks: out.size() is values.size() / block_elements * block_bytes.
void encode_floats(Encoding encoding, std::span<const float> values, std::span<std::byte> out);

}  // namespace gptc::formats

#include "frontend/formats/number.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace gptc::formats {
namespace {

constexpr std::uint32_t sign_bit = 0x80000000U;
constexpr std::uint32_t f32_infinity = 0x7f800000U;

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <class T>
void store(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

/// An element whose exponent has all its bits is infinite or no number. The loop never ends early
/// and counts in the elements' width, so that it is vectorised.
template <class Bits>
bool exponents_below(std::span<const std::byte> bytes, Bits exponent) {
  Bits full = 0;
  for (std::size_t i = 0; i < bytes.size() / sizeof(Bits); ++i) {
    const Bits bits = load<Bits>(bytes.data() + i * sizeof(Bits)) & exponent;
    full |= static_cast<Bits>(bits == exponent ? 1 : 0);
  }
  return full == 0;
}

/// `convert` is a function object, not a pointer, so that it is inlined and the loop vectorised.
template <class Convert>
void widen_all(std::span<const std::byte> bytes, std::span<float> out, const Convert& convert) {
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = convert(load<std::uint16_t>(bytes.data() + i * sizeof(std::uint16_t)));
}

template <class Convert>
void narrow_all(std::span<const float> values, std::span<std::byte> out, const Convert& convert) {
  for (std::size_t i = 0; i < values.size(); ++i)
    store<std::uint16_t>(out.data() + i * sizeof(std::uint16_t), convert(values[i]));
}

constexpr std::size_t q_elements = 32;  // of a block
constexpr std::size_t q8_0_bytes = sizeof(std::uint16_t) + q_elements;
constexpr std::size_t q4_0_bytes = sizeof(std::uint16_t) + q_elements / 2;
constexpr float q8_0_limit = 127.0F;

void encode_q8_0(std::span<const float> block, std::byte* out) {
  float largest = 0;
  for (const float x : block) largest = std::max(largest, std::fabs(x));
  const float scale = largest / q8_0_limit;
  const float inverse = scale == 0 ? 0 : 1 / scale;
  store(out, f32_to_f16(scale));
  for (std::size_t i = 0; i < block.size(); ++i)
    store(out + sizeof(std::uint16_t) + i,
          static_cast<std::int8_t>(std::round(block[i] * inverse)));
}

void encode_q4_0(std::span<const float> block, std::byte* out) {
  float furthest = 0;
  for (const float x : block) furthest = std::fabs(x) > std::fabs(furthest) ? x : furthest;
  const float scale = furthest / -8;
  const float inverse = scale == 0 ? 0 : 1 / scale;
  store(out, f32_to_f16(scale));
  const auto number = [&](float x) {
    return static_cast<std::uint8_t>(std::clamp(std::round(x * inverse) + 8.0F, 0.0F, 15.0F));
  };
  constexpr std::size_t half = q_elements / 2;
  for (std::size_t i = 0; i < half; ++i)
    store(out + sizeof(std::uint16_t) + i,
          static_cast<std::uint8_t>(number(block[i]) | number(block[half + i]) << 4));
}

/// `encode` for every block.
template <class Encode>
void encode_blocks(std::span<const float> values, std::byte* out, std::size_t bytes,
                   const Encode& encode) {
  for (std::size_t i = 0; i + q_elements <= values.size(); i += q_elements, out += bytes)
    encode(values.subspan(i, q_elements), out);
}

struct Row {
  Encoding encoding;
  std::string_view name;
  std::size_t elements;
  std::size_t bytes;
};

constexpr std::array rows{
    Row{Encoding::F32, "f32", 1, 4},
    Row{Encoding::F16, "f16", 1, 2},
    Row{Encoding::BF16, "bf16", 1, 2},
    Row{Encoding::Q8_0, "q8_0", q_elements, q8_0_bytes},
    Row{Encoding::Q4_0, "q4_0", q_elements, q4_0_bytes},
};

const Row& row_of(Encoding encoding) { return rows[static_cast<std::size_t>(encoding)]; }

}  // namespace

float f16_to_f32(std::uint16_t bits) {
  constexpr int shift = 13;  // of the mantissa's 10 bits to 23
  constexpr std::uint32_t exponent = 0x7c00U << shift;
  constexpr std::uint32_t rebias = (127U - 15U) << 23;
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
  std::uint32_t value = static_cast<std::uint32_t>(bits & 0x7fffU) << shift;
  const std::uint32_t scale = value & exponent;
  value += rebias;
  if (scale == exponent) value += rebias;  // infinite or NaN: all bits of the exponent
  if (scale == 0) {                        // zero or subnormal: the float unit normalises it
    constexpr std::uint32_t smallest_normal = rebias + (1U << 23);
    value += 1U << 23;
    value = std::bit_cast<std::uint32_t>(std::bit_cast<float>(value) -
                                         std::bit_cast<float>(smallest_normal));
  }
  return std::bit_cast<float>(value | sign);
}

std::uint16_t f32_to_f16(float number) {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  const auto sign = static_cast<std::uint16_t>((bits & sign_bit) >> 16);
  const std::uint32_t value = bits & ~sign_bit;
  constexpr std::uint32_t too_large = (127U + 16U) << 23;        // 2^16
  constexpr std::uint32_t smallest_normal = (127U - 14U) << 23;  // 2^-14
  std::uint32_t half = 0;
  if (value >= too_large) {
    half = value > f32_infinity ? 0x7e00U : 0x7c00U;
  } else if (value < smallest_normal) {
    // Adding 0.5 moves the last bit of a binary16 subnormal to the last bit of the sum, rounded.
    constexpr std::uint32_t magic = 126U << 23;
    half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(value) + std::bit_cast<float>(magic)) -
           magic;
  } else {
    const std::uint32_t odd = value >> 13 & 1U;
    half = (value - ((127U - 15U) << 23) + 0xfffU + odd) >> 13;
  }
  return static_cast<std::uint16_t>(half | sign);
}

bool is_readable_float(DType type) {
  return type == DType::F32 || type == DType::F16 || type == DType::BF16;
}

void read_floats(DType type, std::span<const std::byte> bytes, std::span<float> out) {
  if (type == DType::F32) {
    std::memcpy(out.data(), bytes.data(), out.size_bytes());
    return;
  }
  if (type == DType::F16)
    widen_all(bytes, out, [](std::uint16_t bits) { return f16_to_f32(bits); });
  else
    widen_all(bytes, out, [](std::uint16_t bits) { return bf16_to_f32(bits); });
}

bool all_finite(DType type, std::span<const std::byte> bytes) {
  constexpr std::uint16_t f16_exponent = 0x7c00U;
  constexpr std::uint16_t bf16_exponent = 0x7f80U;
  if (type == DType::F32) return exponents_below(bytes, f32_infinity);
  return exponents_below(bytes, type == DType::F16 ? f16_exponent : bf16_exponent);
}

std::string_view name(Encoding encoding) { return row_of(encoding).name; }
std::size_t block_elements(Encoding encoding) { return row_of(encoding).elements; }
std::size_t block_bytes(Encoding encoding) { return row_of(encoding).bytes; }

void encode_floats(Encoding encoding, std::span<const float> values, std::span<std::byte> out) {
  if (encoding == Encoding::F32) {
    std::memcpy(out.data(), values.data(), values.size_bytes());
  } else if (encoding == Encoding::Q8_0) {
    encode_blocks(values, out.data(), q8_0_bytes, encode_q8_0);
  } else if (encoding == Encoding::Q4_0) {
    encode_blocks(values, out.data(), q4_0_bytes, encode_q4_0);
  } else if (encoding == Encoding::F16) {
    narrow_all(values, out, [](float value) { return f32_to_f16(value); });
  } else {
    narrow_all(values, out, [](float value) { return f32_to_bf16(value); });
  }
}

}  // namespace gptc::formats

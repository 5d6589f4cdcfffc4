// Numbers of the GGUF format that its reader and its writer share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "frontend/formats/checked.h"
#include "frontend/formats/number.h"

namespace gptc::formats::gguf {

inline constexpr std::string_view magic = "GGUF";
inline constexpr std::uint32_t version = 3;
inline constexpr std::uint64_t default_alignment = 32;
inline constexpr std::uint64_t max_alignment = 4096;
inline constexpr std::string_view alignment_key = "general.alignment";
inline constexpr std::size_t max_dimensions = 4;
inline constexpr std::size_t max_tensor_name = 63;
inline constexpr std::size_t max_key = 65535;

/// How a value is stored, by the number in the file.
enum class Kind : std::uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  string,
  array,
  u64,
  i64,
  f64
};

struct TensorKind {
  Encoding encoding;
  std::uint32_t number;  // ggml_type
};
inline constexpr std::array tensor_kinds{
    TensorKind{Encoding::F32, 0}, TensorKind{Encoding::F16, 1}, TensorKind{Encoding::Q4_0, 2},
    TensorKind{Encoding::Q8_0, 8}, TensorKind{Encoding::BF16, 30}};

/// The next multiple of `alignment`, a power of two.
constexpr std::optional<std::uint64_t> aligned_up(std::uint64_t offset, std::uint64_t alignment) {
  const auto sum = checked_add(offset, alignment - 1);
  if (!sum) return std::nullopt;
  return *sum & ~(alignment - 1);
}

}  // namespace gptc::formats::gguf

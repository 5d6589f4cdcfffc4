#pragma once

#include <optional>
#include <string_view>

namespace gptc::formats {

/// The element types of safetensors, by rising alignment as its reference writer orders them (files
/// are written by falling alignment, so every tensor starts at a multiple of its element size).
enum class DType {
  BOOL,
  F4,
  F6_E2M3,
  F6_E3M2,
  U8,
  I8,
  F8_E5M2,
  F8_E4M3,
  F8_E8M0,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  C64,
  F64,
  I64,
  U64
};

/// "F32", as files spell it.
std::string_view name(DType type);

/// Bits an element takes; 4 and 6 for the packed types.
int bits(DType type);

std::optional<DType> dtype_named(std::string_view name);

}  // namespace gptc::formats

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "frontend/formats/number.h"

namespace gptc::formats {

/// Takes the next bytes of a file.
using ByteSink = std::function<void(std::span<const std::byte>)>;

/// A tensor of a file to be written: its bytes come when it is their turn and need not all lie in
/// memory. `shape` is row-major, the last axis contiguous.
struct TensorStream {
  std::string name;
  Encoding encoding = Encoding::F32;
  std::vector<std::int64_t> shape;
  std::function<void(const ByteSink&)> write;
};

/// Bytes the tensor takes. Throws Error for a negative size, more than 64 bits, or rows that are no
/// whole blocks.
std::uint64_t stored_bytes(const TensorStream& tensor);

/// Calls `tensor.write` and hands on what comes. Throws Error unless it is `stored_bytes(tensor)`.
void write_stream(const TensorStream& tensor, const ByteSink& sink);

}  // namespace gptc::formats

// GGUF version 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): llama.cpp's files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "frontend/formats/mapped_file.h"
#include "frontend/formats/number.h"
#include "frontend/formats/tensor_stream.h"

namespace gptc::formats {

/// A value of the file's table. Smaller integers of a file are read into the 32-bit forms.
using GgufValue =
    std::variant<bool, std::uint32_t, std::int32_t, std::uint64_t, std::int64_t, float, double,
                 std::string, std::vector<bool>, std::vector<std::uint32_t>,
                 std::vector<std::int32_t>, std::vector<std::uint64_t>, std::vector<std::int64_t>,
                 std::vector<float>, std::vector<double>, std::vector<std::string>>;

using GgufKeys = std::vector<std::pair<std::string, GgufValue>>;

/// `shape` is row-major, the last axis contiguous: the reverse of the order in the file.
struct GgufTensor {
  std::string name;
  Encoding encoding = Encoding::F32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;  // not owned; aligned as the file says
};

/// A GGUF file. Whatever breaks a rule of the format throws Error with file, place, rule and value,
/// before anything of the size that the file claims is allocated: magic and version; keys and names
/// once each; arrays not nested; alignment a power of two up to 4096; at most 4 dimensions, none
/// zero; tensors one behind the other in the order of the list, and nothing after the last.
class GgufFile {
 public:
  /// Maps the file; tensors stay readable as long as this object lives.
  static GgufFile open(const std::string& path);
  /// Reads bytes that outlive the result; `origin` stands for the path in messages.
  static GgufFile parse(std::span<const std::byte> bytes, const std::string& origin);

  [[nodiscard]] const GgufKeys& keys() const { return keys_; }
  /// Null if there is none of this name.
  [[nodiscard]] const GgufValue* find_key(std::string_view name) const;
  [[nodiscard]] const std::vector<GgufTensor>& tensors() const { return tensors_; }
  /// Null if there is none of this name.
  [[nodiscard]] const GgufTensor* find(std::string_view name) const;

 private:
  std::shared_ptr<const MappedFile> mapping_;
  GgufKeys keys_;
  std::vector<GgufTensor> tensors_;
};

/// Writes keys and tensors in this order, streaming, whole or not at all. Throws Error for a name
/// given twice or longer than 63 bytes, a shape that GGUF cannot hold, and whatever AtomicFile
/// throws.
void write_gguf(const std::string& path, const GgufKeys& keys,
                const std::vector<TensorStream>& tensors);

}  // namespace gptc::formats

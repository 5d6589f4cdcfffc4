#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/formats/dtype.h"
#include "frontend/formats/mapped_file.h"
#include "frontend/formats/tensor_stream.h"

namespace gptc::formats {

/// One tensor in a file or for a file. `bytes` is little-endian, row-major, and not owned; in a
/// file of another writer it may start at any address, so copy before reading it as numbers.
struct TensorBytes {
  std::string name;
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

/// A safetensors file: 8 bytes of header length, a JSON header, the tensors' bytes without holes or
/// overlap (https://huggingface.co/docs/safetensors). Whatever breaks a rule of the format throws
/// Error with file, tensor, rule and value, before anything of the size a header claims is
/// allocated.
class SafetensorsFile {
 public:
  /// Maps the file; tensors stay readable as long as this object lives, also when the file is saved
  /// over.
  static SafetensorsFile open(const std::string& path);

  /// Reads bytes that outlive the result; `origin` stands for the path in messages.
  static SafetensorsFile parse(std::span<const std::byte> bytes, std::string origin);

  /// In the order of their bytes.
  [[nodiscard]] const std::vector<TensorBytes>& tensors() const { return tensors_; }

  /// Null if there is none of this name.
  [[nodiscard]] const TensorBytes* find(std::string_view name) const;

  /// Throws Error if there is none of this name.
  [[nodiscard]] const TensorBytes& at(std::string_view name) const;

  /// Gives up the memory of a part of a tensor that has been read, if the file is mapped.
  void forget(std::span<const std::byte> part) const {
    if (mapping_) mapping_->forget(part);
  }

  /// What keeps the tensors' bytes where they are; null if they are the caller's.
  [[nodiscard]] std::shared_ptr<const void> owner() const { return mapping_; }

  /// The strings under "__metadata__".
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return metadata_; }

  [[nodiscard]] const std::string& origin() const { return origin_; }

 private:
  SafetensorsFile() = default;

  std::string origin_;
  std::shared_ptr<const MappedFile> mapping_;
  std::vector<TensorBytes> tensors_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::map<std::string, std::string> metadata_;
};

/// Writes tensors in any order, streaming, whole or not at all; the bytes in the file are ordered
/// as the reference writer does, and begin at a multiple of 64. Throws Error for a name given
/// twice, bytes that disagree with the shape, and whatever AtomicFile throws. Tensors may point
/// into the file that is replaced.
void write_safetensors(const std::string& path, std::vector<TensorBytes> tensors,
                       const std::map<std::string, std::string>& metadata);

/// A tensor of any type whose bytes are made when it is its turn to be written.
struct MadeTensor {
  std::string name;
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;
  std::function<void(const ByteSink&)> write;
};

/// The same of tensors whose bytes are made as they are written. Throws Error if they are not as
/// many as the shape says.
void stream_safetensors(const std::string& path, std::vector<MadeTensor> tensors,
                        const std::map<std::string, std::string>& metadata);
/// The same of F32, F16 and BF16.
void stream_safetensors(const std::string& path, std::vector<TensorStream> tensors,
                        const std::map<std::string, std::string>& metadata);

}  // namespace gptc::formats

#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace gptc::formats {

/// A regular file mapped read-only for the life of the object. An empty file is an empty span.
/// Throws Error with the path and cause. Whoever replaces the file must rename over it (AtomicFile
/// does): cutting it short under a mapping is fatal on any system.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

  /// The process gives up the memory of `part`, which lies in bytes(), in steps of 1 MiB of the
  /// file: each goes, its begin included, when a part reaches its end. What is touched again is
  /// read from the file again.
  void forget(std::span<const std::byte> part) const;

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace gptc::formats

#include "frontend/formats/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "frontend/formats/error.h"

namespace gptc::formats {

MappedFile::MappedFile(const std::string& path) {
  // Without O_NONBLOCK, opening a pipe would wait for its writer.
  const int file = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) throw Error(fmt::format("cannot read {}: {}", in_quotes(path), cause(errno)));
  struct stat status {};
  const bool regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  const std::size_t size = regular ? static_cast<std::size_t>(status.st_size) : 0;
  void* start = size > 0 ? ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0) : nullptr;
  const int code = errno;
  ::close(file);
  if (!regular)
    throw Error(fmt::format("cannot read {}: it is not a regular file", in_quotes(path)));
  if (start == MAP_FAILED)
    throw Error(fmt::format("cannot map {}: {}", in_quotes(path), cause(code)));
  bytes_ = {static_cast<const std::byte*>(start), size};
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::forget(std::span<const std::byte> part) const {
  // Each call interrupts all of the process's threads: fewer are better. The mapping begins on a
  // page, and a step is whole pages.
  constexpr std::size_t step = std::size_t{1} << 20;
  const auto begin = static_cast<std::size_t>(part.data() - bytes_.data());
  const std::size_t end = begin + part.size();
  const std::size_t first = begin / step * step;
  const std::size_t last = end == bytes_.size() ? end : end / step * step;
  if (last <= first) return;
  // The bytes were mapped read-only: giving pages up changes nothing that is read.
  madvise(const_cast<std::byte*>(bytes_.data()) + first, last - first, MADV_DONTNEED);  // NOLINT
}

}  // namespace gptc::formats

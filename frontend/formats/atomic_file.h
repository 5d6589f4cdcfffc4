#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gptc::formats {

/// A file that appears whole or not at all. Bytes go to a temporary file in the same folder;
/// `commit` flushes it to the disk, renames it over `path` and flushes the folder. Until then, and
/// on any failure, what was at `path` is untouched, also for those who have it mapped. A symbolic
/// link at `path` is replaced, not followed. Every member throws Error with the path and the
/// system's cause.
class AtomicFile {
 public:
  /// Creates the temporary file, mode 0666 & ~umask.
  explicit AtomicFile(std::string path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  /// Removes the temporary file unless it was committed.
  ~AtomicFile();

  /// Throws if the file system has fewer than `bytes` free: a full disk is then known before an
  /// hour of writing.
  void require_free_space(std::uint64_t bytes) const;

  void append(std::span<const std::byte> bytes);
  void append(std::string_view text);

  void commit();

 private:
  [[noreturn]] void fail(std::string_view what, int code) const;
  void flush_folder() const;

  std::string path_;
  std::string folder_;
  std::string temporary_;
  int file_ = -1;
};

void write_file_atomically(const std::string& path, std::span<const std::byte> bytes);
void write_file_atomically(const std::string& path, std::string_view text);

/// Removes what writers that died left in `folder`; files of writers still alive stay (they hold a
/// lock). Returns how many were removed. A folder that does not exist holds none.
int remove_stale_temporaries(const std::string& folder);

}  // namespace gptc::formats

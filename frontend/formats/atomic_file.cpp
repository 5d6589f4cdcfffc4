#include "frontend/formats/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <filesystem>

#include "frontend/formats/error.h"

namespace gptc::formats {
namespace {

constexpr std::string_view suffix = ".gptc-tmp";

/// Past a file size limit write() raises SIGXFSZ, which kills; while this lives the thread gets
/// EFBIG instead.
class BlockSizeSignal {
 public:
  BlockSizeSignal() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  }
  BlockSizeSignal(const BlockSizeSignal&) = delete;
  BlockSizeSignal& operator=(const BlockSizeSignal&) = delete;
  ~BlockSizeSignal() {
    if (sigismember(&before_, SIGXFSZ) == 0) {
      const timespec at_once{};
      while (sigtimedwait(&signals_, nullptr, &at_once) == SIGXFSZ) continue;
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t signals_{};
  sigset_t before_{};
};

int retry(auto call) {
  int result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// Writes everything or returns the errno that stopped it.
int write_all(int file, std::span<const std::byte> bytes) {
  const BlockSizeSignal block;
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return EIO;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

/// Locks the file for its life, so that a cleaner can tell the living from the dead. False if a
/// cleaner was first.
bool claim(int file) {
  if (::flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return false;
  struct stat status {};
  return ::fstat(file, &status) == 0 && status.st_nlink > 0;
}

std::string folder_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)), folder_(folder_of(path_)) {
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    throw Error(fmt::format(
        "cannot write {}: there is something that is not a regular file; name another path",
        in_quotes(path_)));
  const std::string name = std::filesystem::path(path_).filename().string();
  if (name.empty()) throw Error(fmt::format("cannot write {}: it names no file", in_quotes(path_)));
  static std::atomic<unsigned> counter{0};
  constexpr int tries = 1000;
  for (int i = 0; i < tries; ++i) {
    // Long names are cut, so that the temporary's name stays within the file system's limit.
    temporary_ =
        fmt::format("{}/.{}.{}-{}{}", folder_, name.substr(0, 150), ::getpid(), counter++, suffix);
    file_ = retry(
        [&] { return ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); });
    if (file_ >= 0 && claim(file_)) return;
    if (file_ < 0 && errno != EEXIST) fail("", errno);
    if (file_ >= 0) ::close(file_);
    file_ = -1;
  }
  fail("", EEXIST);
}

AtomicFile::~AtomicFile() {
  if (file_ < 0) return;
  ::unlink(temporary_.c_str());
  ::close(file_);
}

void AtomicFile::fail(std::string_view what, int code) const {
  const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  throw Error(
      fmt::format("cannot write {}: {}{}{}", in_quotes(path_), what, cause(code),
                  full ? "; free some space and try again (what was there before is kept)" : ""));
}

void AtomicFile::require_free_space(std::uint64_t bytes) const {
  struct statvfs status {};
  if (::statvfs(folder_.c_str(), &status) != 0 || status.f_blocks == 0) return;  // it does not say
  const std::uint64_t blocks = ::geteuid() == 0 ? status.f_bfree : status.f_bavail;
  if (blocks >= bytes / status.f_frsize + 1) return;
  throw Error(fmt::format(
      "cannot write {}: it needs {} bytes and the disk has {} free; free some space and try again",
      in_quotes(path_), bytes, blocks * status.f_frsize));
}

void AtomicFile::append(std::span<const std::byte> bytes) {
  if (file_ < 0)
    throw Error(fmt::format("cannot write {}: it was already finished", in_quotes(path_)));
  if (const int code = write_all(file_, bytes); code != 0) fail("", code);
}

void AtomicFile::append(std::string_view text) { append(std::as_bytes(std::span(text))); }

void AtomicFile::commit() {
  append(std::span<const std::byte>{});
  if (retry([&] { return ::fsync(file_); }) != 0) fail("flushing to disk: ", errno);
  if (retry([&] { return ::rename(temporary_.c_str(), path_.c_str()); }) != 0)
    fail("renaming: ", errno);
  // A failed close after a successful fsync has lost nothing.
  ::close(file_);
  file_ = -1;
  flush_folder();
}

void AtomicFile::flush_folder() const {
  const int folder =
      retry([&] { return ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (folder < 0) {
    if (errno == EACCES) return;  // a folder one may write but not list; the rename stands
    fail("opening its folder: ", errno);
  }
  const int result = retry([&] { return ::fsync(folder); });
  const int code = errno;
  ::close(folder);
  if (result != 0 && code != EINVAL)
    fail("flushing its folder to disk: ", code);  // EINVAL: not supported there
}

void write_file_atomically(const std::string& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.append(bytes);
  file.commit();
}

void write_file_atomically(const std::string& path, std::string_view text) {
  write_file_atomically(path, std::as_bytes(std::span(text)));
}

int remove_stale_temporaries(const std::string& folder) {
  int removed = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.front() != '.' || !name.ends_with(suffix)) continue;
    const int file = ::open(entry.path().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) continue;
    const bool alive = ::flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (!alive && ::unlink(entry.path().c_str()) == 0) ++removed;
    ::close(file);
  }
  return removed;
}

}  // namespace gptc::formats

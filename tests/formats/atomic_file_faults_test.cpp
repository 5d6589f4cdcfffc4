// Every system call that the writer makes is made to fail in turn: with an error, an interruption,
// a short write, or the death of the process. After each, the file must hold the old content or the
// new, whole.

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdlib>

#include "frontend/formats/atomic_file.h"
#include "frontend/formats/error.h"
#include "tests/formats/temp_folder.h"

namespace {

enum class Fault { none, no_space, io_error, interrupted, short_write, killed };

const char* name_of(Fault kind) {
  const char* names[] = {"none", "no_space", "io_error", "interrupted", "short_write", "killed"};
  return names[static_cast<int>(kind)];
}

int calls = 0;     // made since arming
int fault_at = 0;  // the call that fails, from 1
Fault fault = Fault::none;

/// Whether this call is the one to fail; sets errno.
bool fails() {
  if (++calls != fault_at) return false;
  if (fault == Fault::killed) ::kill(::getpid(), SIGKILL);
  if (fault == Fault::no_space) errno = ENOSPC;
  if (fault == Fault::io_error) errno = EIO;
  if (fault == Fault::interrupted) errno = EINTR;
  return fault != Fault::short_write && fault != Fault::none;
}

}  // namespace

// The linker's --wrap gives these names their meaning.
// NOLINTBEGIN(bugprone-reserved-identifier,clang-analyzer-valist.Uninitialized)
extern "C" {
ssize_t __real_write(int file, const void* bytes, size_t size);
int __real_fsync(int file);
int __real_rename(const char* from, const char* to);
int __real_open(const char* path, int flags, ...);

ssize_t __wrap_write(int file, const void* bytes, size_t size) {
  if (fails()) return -1;
  const bool shorten = fault == Fault::short_write && calls == fault_at && size > 1;
  return __real_write(file, bytes, shorten ? size / 2 : size);
}
int __wrap_fsync(int file) { return fails() ? -1 : __real_fsync(file); }
int __wrap_rename(const char* from, const char* to) {
  return fails() ? -1 : __real_rename(from, to);
}
int __wrap_open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return fails() ? -1 : __real_open(path, flags, mode);
}
}
// NOLINTEND(bugprone-reserved-identifier,clang-analyzer-valist.Uninitialized)

namespace gptc::formats {
namespace {

using gptc::testing::content_of;
using gptc::testing::TempFolder;

const std::string old_content = "old";
const std::string new_content = std::string(5000, 'a') + std::string(5000, 'b');

/// Saves with the n-th call failing; true if that threw. The counter shows how many calls there
/// were.
bool save_throws(const std::string& path, Fault kind, int n) {
  calls = 0;
  fault = kind;
  fault_at = n;
  bool thrown = false;
  try {
    AtomicFile file(path);
    file.append(new_content.substr(0, 5000));
    file.append(new_content.substr(5000));
    file.commit();
  } catch (const Error&) {
    thrown = true;
  }
  fault_at = 0;
  return thrown;
}

class FaultyDisk : public ::testing::TestWithParam<Fault> {};

TEST_P(FaultyDisk, LeavesOldOrNewAtEveryCall) {
  const Fault kind = GetParam();
  const bool survivable = kind == Fault::interrupted || kind == Fault::short_write;
  int n = 1;
  for (;; ++n) {
    SCOPED_TRACE(fmt::format("call {}", n));
    const TempFolder folder;
    const std::string path = folder.with("f", old_content);
    const bool thrown = save_throws(path, kind, n);
    if (calls < n) break;
    EXPECT_EQ(thrown, !survivable);
    const std::string content = content_of(path);
    EXPECT_TRUE(content == new_content || (thrown && content == old_content)) << content.size();
    EXPECT_EQ(folder.names(), std::vector<std::string>{"f"});
  }
  EXPECT_GE(n, 8) << "open, write, write, fsync, rename, open, fsync must each have failed once";
}

INSTANTIATE_TEST_SUITE_P(AtomicFile, FaultyDisk,
                         ::testing::Values(Fault::no_space, Fault::io_error, Fault::interrupted,
                                           Fault::short_write),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST(AtomicFile, AKillAtAnyCallLeavesOldOrNew) {
  int kills = 0;
  int renamed = 0;
  for (int n = 1;; ++n) {
    SCOPED_TRACE(fmt::format("call {}", n));
    const TempFolder folder;
    const std::string path = folder.with("f", old_content);
    const pid_t child = ::fork();
    if (child == 0) {
      (void)save_throws(path, Fault::killed, n);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) break;
    ++kills;
    const std::string content = content_of(path);
    EXPECT_TRUE(content == new_content || content == old_content) << content.size();
    renamed += content == new_content ? 1 : 0;
    (void)remove_stale_temporaries(folder.path());
    EXPECT_EQ(folder.names(), std::vector<std::string>{"f"});
  }
  EXPECT_GE(kills, 7);
  EXPECT_EQ(renamed, 2) << "only the flush of the folder comes after the rename";
}

}  // namespace
}  // namespace gptc::formats

#include "frontend/formats/atomic_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "frontend/formats/error.h"
#include "tests/formats/temp_folder.h"

namespace gptc::formats {
namespace {

using gptc::testing::content_of;
using gptc::testing::message_of;
using gptc::testing::TempFolder;

/// Runs `body` in a child process, so that limits and identities of the process can change; its
/// result is the child's exit code.
int in_child(auto body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
  const TempFolder folder;
  const std::string path = folder.with("f", "old");
  AtomicFile file(path);
  file.append("new ");
  file.append("content");
  EXPECT_EQ(content_of(path), "old");
  file.commit();
  EXPECT_EQ(content_of(path), "new content");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"f"});
  EXPECT_THROW(file.append("more"), Error);
  EXPECT_THROW(file.commit(), Error);
}

TEST(AtomicFile, LeavesNothingWhenAbandoned) {
  const TempFolder folder;
  {
    AtomicFile file(folder.file("f"));
    file.append("half");
    EXPECT_EQ(folder.names().size(), 1u);
  }
  EXPECT_TRUE(folder.names().empty());
}

TEST(AtomicFile, TakesItsModeFromTheUmask) {
  const TempFolder folder;
  const mode_t before = ::umask(027);
  write_file_atomically(folder.file("f"), "x");
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat(folder.file("f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST(AtomicFile, WritesARelativePathAndALongName) {
  const TempFolder folder;
  EXPECT_EQ(in_child([&] {
              if (::chdir(folder.path().c_str()) != 0) return 1;
              write_file_atomically("plain", "x");
              return 0;
            }),
            0);
  const std::string name(255, 'n');
  write_file_atomically(folder.file(name), "y");
  EXPECT_EQ(content_of(folder.file("plain")), "x");
  EXPECT_EQ(content_of(folder.file(name)), "y");
}

TEST(AtomicFile, NamesThePathAndTheCause) {
  const TempFolder folder;
  const auto why = [](const std::string& path) {
    return message_of<Error>([&] { write_file_atomically(path, "x"); });
  };
  EXPECT_EQ(why(folder.file("no/f")),
            "cannot write \"" + folder.file("no/f") + "\": No such file or directory");
  EXPECT_NE(why(folder.path()).find("not a regular file"), std::string::npos);
  EXPECT_NE(why("/dev/null").find("not a regular file"), std::string::npos);
  EXPECT_NE(why(folder.path() + "/").find("not a regular file"), std::string::npos);
  EXPECT_NE(why(folder.with("g", "") + "/f").find("Not a directory"), std::string::npos);
}

TEST(AtomicFile, AFolderWithoutPermissionIsAnError) {
  const TempFolder folder;
  const std::string path = folder.with("f", "old");
  ASSERT_EQ(::chmod(folder.path().c_str(), 0555), 0);
  const int code = in_child([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return 1;  // root may write anywhere
    try {
      write_file_atomically(path, "new");
      return 2;
    } catch (const Error& error) {
      return std::string(error.what()).find("Permission denied") != std::string::npos ? 0 : 3;
    }
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(content_of(path), "old");
}

TEST(AtomicFile, PastASizeLimitItThrowsAndTheProcessLives) {
  const TempFolder folder;
  const std::string path = folder.with("f", "old");
  const int code = in_child([&] {
    ::signal(SIGXFSZ, SIG_DFL);
    const rlimit limit{4096, 4096};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    try {
      write_file_atomically(path, std::string(10000, 'x'));
      return 2;
    } catch (const Error& error) {
      return std::string(error.what()).find("File too large; free some space") != std::string::npos
                 ? 0
                 : 3;
    }
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(content_of(path), "old");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"f"});
}

TEST(AtomicFile, AsksForFreeSpaceBeforeWriting) {
  const TempFolder folder;
  AtomicFile file(folder.file("f"));
  file.require_free_space(1);
  const std::string message = message_of<Error>(
      [&] { file.require_free_space(std::numeric_limits<std::uint64_t>::max()); });
  EXPECT_NE(message.find("it needs 18446744073709551615 bytes and the disk has "),
            std::string::npos)
      << message;
}

TEST(AtomicFile, ReplacesALinkAndNotItsTarget) {
  const TempFolder folder;
  const std::string target = folder.with("target", "old");
  ASSERT_EQ(::symlink("target", folder.file("link").c_str()), 0);
  write_file_atomically(folder.file("link"), "new");
  EXPECT_EQ(content_of(target), "old");
  EXPECT_EQ(content_of(folder.file("link")), "new");
}

TEST(RemoveStaleTemporaries, TakesThoseOfTheDeadAndLeavesTheLiving) {
  const TempFolder folder;
  const int code = in_child([&] {
    AtomicFile file(folder.file("dead"));
    file.append("half");
    return ::kill(::getpid(), SIGKILL);
  });
  EXPECT_EQ(code, -SIGKILL);
  EXPECT_EQ(folder.names().size(), 1u);
  AtomicFile living(folder.file("living"));
  (void)folder.with(".mine.tmp", "not ours");
  EXPECT_EQ(remove_stale_temporaries(folder.path()), 1);
  living.commit();
  EXPECT_EQ(remove_stale_temporaries(folder.path()), 0);
  EXPECT_EQ(folder.names().size(), 2u);
  EXPECT_EQ(remove_stale_temporaries(folder.file("no such folder")), 0);
}

}  // namespace
}  // namespace gptc::formats

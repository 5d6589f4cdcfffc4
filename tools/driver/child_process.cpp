#include "tools/driver/child_process.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <system_error>

namespace gptc::driver {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

File unnamed_file(std::string_view content = "") {
  File file(std::tmpfile());
  const bool written =
      file && std::fwrite(content.data(), 1, content.size(), file.get()) == content.size() &&
      std::fflush(file.get()) == 0 && std::fseek(file.get(), 0, SEEK_SET) == 0;
  if (!written)
    throw std::system_error(errno, std::generic_category(), "cannot use a temporary file");
  return file;
}

std::string content_of(std::FILE* file) {
  std::string content;
  if (std::fseek(file, 0, SEEK_SET) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot read a temporary file");
  char buffer[1 << 16];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, file))
    content.append(buffer, got);
  return content;
}

/// What the child begins with: the three files as its stdin, stdout and stderr, and no signal
/// blocked.
class Setup {
 public:
  Setup(std::FILE* input, std::FILE* output, std::FILE* errors) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, ::fileno(input), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, ::fileno(output), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, ::fileno(errors), STDERR_FILENO);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
  }
  Setup(const Setup&) = delete;
  Setup& operator=(const Setup&) = delete;
  ~Setup() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  int spawn(pid_t& child, char* const* arguments) const {
    return ::posix_spawnp(&child, arguments[0], &actions_, &attributes_, arguments, environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

ChildResult run_child(const std::vector<std::string>& arguments, std::string_view input) {
  const File in = unnamed_file(input);
  const File out = unnamed_file();
  const File err = unnamed_file();
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments)
    pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);

  pid_t child = 0;
  const int code = Setup(in.get(), out.get(), err.get()).spawn(child, pointers.data());
  if (code != 0)
    return {.found = code != ENOENT, .output = {}, .errors = std::generic_category().message(code)};
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "cannot wait for a child");
  return {.found = true,
          .exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          .output = content_of(out.get()),
          .errors = content_of(err.get())};
}

}  // namespace gptc::driver

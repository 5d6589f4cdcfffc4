#include "tests/cli/program.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "tests/formats/temp_folder.h"

namespace gptc::testing {
namespace {

void redirect(int target, const std::string& path, int flags) {
  const int file = open(path.c_str(), flags, 0600);
  if (file < 0 || dup2(file, target) < 0) _exit(127);
}

[[noreturn]] void become(const std::vector<std::string>& arguments, const ProgramOptions& options,
                         const TempFolder& folder) {
  redirect(STDIN_FILENO, folder.file("in"), O_RDONLY);
  redirect(STDOUT_FILENO, folder.file("out"), O_WRONLY | O_CREAT);
  redirect(STDERR_FILENO, folder.file("err"), O_WRONLY | O_CREAT);
  if (options.file_size_limit >= 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {static_cast<rlim_t>(options.file_size_limit),
                          static_cast<rlim_t>(options.file_size_limit)};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  std::vector<char*> argv = {const_cast<char*>(options.program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(options.program.c_str(), argv.data());
  _exit(127);
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& arguments,
                          const ProgramOptions& options) {
  const TempFolder folder;
  static_cast<void>(folder.with("in", options.input));
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) become(arguments, options, folder);
  int status = 0;
  bool sent = options.interrupt_when_written.empty();
  while (waitpid(child, &status, sent ? 0 : WNOHANG) == 0) {
    std::error_code none;  // there is no such file yet
    const auto size = std::filesystem::file_size(options.interrupt_when_written, none);
    if (!none && size > 0) {
      kill(child, SIGINT);
      sent = true;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          content_of(folder.file("out")), content_of(folder.file("err"))};
}

}  // namespace gptc::testing

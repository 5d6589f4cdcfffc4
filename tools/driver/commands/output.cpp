#include "tools/driver/commands/output.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "frontend/formats/atomic_file.h"
#include "ir/check.h"

namespace gptc::driver {
namespace {

std::string cause() { return std::generic_category().message(errno); }

std::string read_all(std::FILE* file, const std::string& name) {
  std::string text;
  std::array<char, 65536> part{};
  std::size_t count = 0;
  while ((count = std::fread(part.data(), 1, part.size(), file)) > 0)
    text.append(part.data(), count);
  ir::user_check(std::ferror(file) == 0, "cannot read {}: {}", name, cause());
  return text;
}

}  // namespace

void write_stdout(std::string_view text) {
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  ir::user_check(written, "cannot write to stdout: {}", cause());
}

void write_output(const std::string& path, std::string_view text) {
  if (path.empty() || path == "-") return write_stdout(text);
  formats::write_file_atomically(path, text);
}

std::string read_input(const std::string& path) {
  if (path.empty() || path == "-") return read_all(stdin, "stdin");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  ir::user_check(file != nullptr, "cannot read {}: {}", path, cause());
  return read_all(file.get(), path);
}

}  // namespace gptc::driver

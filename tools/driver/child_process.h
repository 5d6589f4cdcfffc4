#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gptc::driver {

struct ChildResult {
  /// False if there is no such program.
  bool found = false;
  /// Its exit code, or -1 if it could not be started or was ended by a signal.
  int exit_code = -1;
  std::string output;  // what it wrote to stdout
  std::string errors;  // and to stderr
};

/// Runs a program found on the PATH with `input` as its stdin, without a shell, and waits for it.
/// Input and output pass through unnamed files, so no amount of either can block. Throws
/// std::system_error if those cannot be had.
ChildResult run_child(const std::vector<std::string>& arguments, std::string_view input);

}  // namespace gptc::driver

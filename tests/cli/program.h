// Runs a built program as a person would.
#pragma once

#include <string>
#include <vector>

namespace gptc::testing {

struct ProgramResult {
  int status = -1;  // exit code; 128 + signal if a signal ended it
  std::string out;
  std::string err;
};

struct ProgramOptions {
  std::string program = GPTC_PROGRAM;
  std::string input;  // its stdin
  /// SIGINT is sent once this file has content; "": never.
  std::string interrupt_when_written;
  long file_size_limit = -1;  // bytes a file it writes may have (EFBIG behind that)
};

ProgramResult run_program(const std::vector<std::string>& arguments,
                          const ProgramOptions& options = {});

}  // namespace gptc::testing

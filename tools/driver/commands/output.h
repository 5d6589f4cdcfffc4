// What commands read and write besides the runs' folders.
#pragma once

#include <string>
#include <string_view>

namespace gptc::driver {

/// To stdout at once. UserError if it cannot take it (a full disk, a closed pipe).
void write_stdout(std::string_view text);

/// To a file, whole or not at all, or for "" and "-" to stdout.
void write_output(const std::string& path, std::string_view text);

/// The bytes of a file, or of stdin for "" and "-". UserError with the system's cause.
std::string read_input(const std::string& path);

}  // namespace gptc::driver

#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace gptc::formats {

/// A file that cannot be read or written. The message is complete and one line: file, place, rule,
/// value.
class Error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// `text` in double quotes, fit for one line of a terminal: control characters as \xNN, at most 120
/// bytes shown. Names come from untrusted files.
std::string in_quotes(std::string_view text);

/// What errno value `code` means, in the system's words.
std::string cause(int code);

}  // namespace gptc::formats

// The two kinds of error, and the checks that raise them.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace gptc::ir {

/// What the user wrote or gave is wrong. The text is one complete line; programs exit with 1.
struct UserError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Our fault: the text names pass, node and values and asks for a report.
struct InternalError : std::logic_error {
  explicit InternalError(std::string_view what)
      : std::logic_error(fmt::format("{}{}{}", head, what, tail)) {}
  /// What it was made with, for whoever adds to it.
  std::string detail() const {
    const std::string text = logic_error::what();
    return text.substr(head.size(), text.size() - head.size() - tail.size());
  }

 private:
  static constexpr std::string_view head = "internal error: ";
  static constexpr std::string_view tail = " (please report this)";
};

template <class... Args>
[[noreturn]] void user_error(fmt::format_string<Args...> text, Args&&... args) {
  throw UserError(fmt::format(text, std::forward<Args>(args)...));
}

template <class... Args>
[[noreturn]] void internal_error(fmt::format_string<Args...> text, Args&&... args) {
  throw InternalError(fmt::format(text, std::forward<Args>(args)...));
}

template <class... Args>
void user_check(bool holds, fmt::format_string<Args...> text, Args&&... args) {
  if (!holds) user_error(text, std::forward<Args>(args)...);
}

template <class... Args>
void internal_check(bool holds, fmt::format_string<Args...> text, Args&&... args) {
  if (!holds) internal_error(text, std::forward<Args>(args)...);
}

}  // namespace gptc::ir

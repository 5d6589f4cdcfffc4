// Private to the parser: a cursor over the text that skips blanks and comments and reports where it
// stands.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ir/check.h"

namespace gptc::ir {

class TextCursor {
 public:
  TextCursor(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  /// `file:line:column: rule, but got '…'`
  [[noreturn]] void fail(std::string_view rule);
  /// `file:line: message` for errors of what was read last, such as those the op rows raise.
  [[noreturn]] void fail_with(std::string_view message);

  bool at_end();
  bool peek(std::string_view token);
  /// Consumes the token if it is next. A word must end where the text's word ends.
  bool accept(std::string_view token);
  void expect(std::string_view token);

  /// [A-Za-z0-9_./]+ after an optional sigil such as '%' or '@', which must follow at once.
  std::string word(std::string_view what);
  std::string sigil_word(char sigil, std::string_view what);
  std::string quoted();
  std::int64_t integer();
  double real();
  std::uint64_t key();
  /// The raw text up to `end`, which must come on this line and is consumed.
  std::string until(char end, std::string_view what);

 private:
  void skip();
  std::string number_text();

  std::string_view text_;
  std::string file_;
  std::size_t at_ = 0;
  std::size_t read_ = 0;     // the end of what was read last
  std::size_t skipped_ = 0;  // the end of the blanks and comments behind it
};

}  // namespace gptc::ir

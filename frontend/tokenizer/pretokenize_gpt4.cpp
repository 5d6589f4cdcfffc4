#include "frontend/tokenizer/char_step.h"

namespace gptc::tokenizer {
namespace {

/// Bytes of the contraction that starts at `at`, in any case, 0 where there is none. Of the letters
/// beyond ASCII only U+017F, the long s, has one of s, t, r, e, v, m, l, d as its other case.
std::size_t contraction_length(std::string_view text, std::size_t at) {
  if (text[at] != '\'') return 0;
  const std::string_view rest = text.substr(at + 1, 2);
  if (rest.empty()) return 0;
  if (rest == "\xC5\xBF") return 3;
  const auto lower = [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); };
  const char first = lower(rest[0]);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if (rest.size() < 2) return 0;
  const char second = lower(rest[1]);
  const bool two =
      ((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l');
  return two ? 3 : 0;
}

/// The end of up to three numbers from `at`.
std::size_t number_end(const ClassTable& table, std::string_view text, std::size_t at) {
  for (int digits = 0; digits < 3 && at < text.size(); ++digits) {
    const CharStep next = char_step(table, text, at);
    if (next.klass != CharClass::number) break;
    at += next.length;
  }
  return at;
}

/// Signs and the line ends after them.
std::size_t signs_end(const ClassTable& table, std::string_view text, std::size_t at) {
  at = run_end(table, text, at, CharClass::other);
  while (at < text.size() && is_line_end(text[at])) ++at;
  return at;
}

/// Blanks: up to the last line end among them, else as GPT-2 has it.
std::size_t lines_end(const ClassTable& table, std::string_view text, std::size_t begin) {
  const std::size_t end = run_end(table, text, begin, CharClass::space);
  for (std::size_t at = end; at > begin; --at) {
    if (is_line_end(text[at - 1])) return at;
  }
  return blanks_end(table, text, begin);
}

}  // namespace

std::size_t gpt4_piece_end(const ClassTable& table, std::string_view text, std::size_t begin) {
  if (const std::size_t length = contraction_length(text, begin)) return begin + length;
  const CharStep first = char_step(table, text, begin);
  const std::size_t second = begin + first.length;
  if (first.klass == CharClass::letter) return run_end(table, text, second, CharClass::letter);
  if (first.klass == CharClass::number) return number_end(table, text, begin);
  if (second < text.size() && !is_line_end(text[begin])) {
    const CharStep next = char_step(table, text, second);
    if (next.klass == CharClass::letter) {
      return run_end(table, text, second + next.length, CharClass::letter);
    }
    if (text[begin] == ' ' && next.klass == CharClass::other) {
      return signs_end(table, text, second);
    }
  }
  if (first.klass == CharClass::other) return signs_end(table, text, begin);
  return lines_end(table, text, begin);
}

}  // namespace gptc::tokenizer

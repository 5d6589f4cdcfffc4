#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "frontend/tokenizer/unicode_classes.h"
#include "frontend/tokenizer/utf8.h"

namespace gptc::tokenizer {

/// One character as the pre-tokenizer sees it.
struct CharStep {
  CharClass klass;
  std::uint8_t length;  // bytes
};

/// The character at `at` < text.size(); a byte that is not valid UTF-8 is one of class `other`.
inline CharStep char_step(const ClassTable& table, std::string_view text, std::size_t at) {
  const Utf8Step step = utf8_step(text, at);
  if (step.status != Utf8Status::valid) return {CharClass::other, 1};
  return {table.of(step.code_point), step.length};
}

/// The end of the run of characters of class `klass` that starts at `at`.
inline std::size_t run_end(const ClassTable& table, std::string_view text, std::size_t at,
                           CharClass klass) {
  while (at < text.size()) {
    const CharStep next = char_step(table, text, at);
    if (next.klass != klass) break;
    at += next.length;
  }
  return at;
}

inline bool is_line_end(char c) { return c == '\n' || c == '\r'; }

/// A run of blanks up to the text's end stays whole; before a word it leaves its last character,
/// unless that is all it has: \s+(?!\S)|\s+
inline std::size_t blanks_end(const ClassTable& table, std::string_view text, std::size_t begin) {
  std::size_t last = begin;
  std::size_t at = begin;
  while (at < text.size()) {
    const CharStep next = char_step(table, text, at);
    if (next.klass != CharClass::space) return last > begin ? last : at;
    last = at;
    at += next.length;
  }
  return at;
}

/// piece_end of each pattern, one file each.
std::size_t gpt2_piece_end(const ClassTable& table, std::string_view text, std::size_t begin);
std::size_t gpt4_piece_end(const ClassTable& table, std::string_view text, std::size_t begin);

}  // namespace gptc::tokenizer

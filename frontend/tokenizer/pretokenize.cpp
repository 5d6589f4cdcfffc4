#include "frontend/tokenizer/pretokenize.h"

#include <algorithm>

#include "frontend/tokenizer/char_step.h"

namespace gptc::tokenizer {
namespace {

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

/// Whether two neighbouring characters are always in two pieces, whatever stands around them, with
/// no blank on the left, whose piece would depend on what follows. A sign before a letter is never
/// counted: it may be the apostrophe of a contraction, or GPT-4's sign before a word; nor is a sign
/// before a line end, which GPT-4 joins.
bool always_apart(CharClass left, CharClass right, char first_byte_of_right) {
  if (left == right || left == CharClass::space) return false;
  if (left != CharClass::other) return true;
  return right == CharClass::number ||
         (right == CharClass::space && !is_line_end(first_byte_of_right));
}

}  // namespace

std::size_t piece_end(Pattern pattern, std::string_view text, std::size_t begin) {
  switch (pattern) {
    case Pattern::gpt2:
      return gpt2_piece_end(ClassTable::get(), text, begin);
    case Pattern::gpt4:
      return gpt4_piece_end(ClassTable::get(), text, begin);
    case Pattern::none:
      break;
  }
  return text.size();
}

std::size_t safe_cut(Pattern pattern, std::string_view text, std::size_t near) {
  if (pattern == Pattern::none) return text.size();
  const ClassTable& table = ClassTable::get();
  std::size_t at = near > 4 ? near - 4 : 0;  // a character before `near`
  while (at < text.size() && is_continuation(text[at])) ++at;
  if (at >= text.size()) return text.size();
  CharStep left = char_step(table, text, at);
  for (at += left.length; at < text.size();) {
    const CharStep right = char_step(table, text, at);
    if (at >= near && always_apart(left.klass, right.klass, text[at])) return at;
    left = right;
    at += right.length;
  }
  return text.size();
}

std::size_t last_safe_cut(Pattern pattern, std::string_view text) {
  constexpr std::size_t kAhead = 4;  // so that the character after the cut is whole
  if (pattern == Pattern::none || text.size() <= kAhead) return 0;
  const ClassTable& table = ClassTable::get();
  std::size_t right_at = text.size() - kAhead;
  while (right_at > 0 && is_continuation(text[right_at])) --right_at;
  while (right_at > 0) {
    std::size_t left_at = right_at - 1;
    while (left_at > 0 && is_continuation(text[left_at])) --left_at;
    // A byte that is not valid UTF-8 is a character of its own; the last one before right_at
    // counts.
    CharStep left = char_step(table, text, left_at);
    if (left_at + left.length != right_at) left = {CharClass::other, 1};
    const CharStep right = char_step(table, text, right_at);
    if (always_apart(left.klass, right.klass, text[right_at])) return right_at;
    right_at = left_at;
  }
  return 0;
}

}  // namespace gptc::tokenizer

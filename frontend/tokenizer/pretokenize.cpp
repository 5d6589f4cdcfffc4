#include "frontend/tokenizer/pretokenize.h"

#include <algorithm>

#include "frontend/tokenizer/unicode_classes.h"
#include "frontend/tokenizer/utf8.h"

namespace gptc::tokenizer {
namespace {

struct Char {
  CharClass klass;
  std::size_t length;  // bytes
};

Char char_at(std::string_view text, std::size_t at, const ClassTable& table) {
  const Utf8Step step = utf8_step(text, at);
  if (step.status != Utf8Status::valid) return {CharClass::other, 1};
  return {table.of(step.code_point), step.length};
}

/// Bytes of the contraction that starts at `at`, 0 where there is none. Case matters.
std::size_t contraction_length(std::string_view text, std::size_t at) {
  if (text[at] != '\'') return 0;
  const std::string_view rest = text.substr(at + 1, 2);
  if (rest.empty()) return 0;
  if (rest[0] == 's' || rest[0] == 't' || rest[0] == 'm' || rest[0] == 'd') return 2;
  if (rest == "re" || rest == "ve" || rest == "ll") return 3;
  return 0;
}

/// The end of the run of characters of class `klass` that starts at `at`.
std::size_t run_end(std::string_view text, std::size_t at, CharClass klass,
                    const ClassTable& table) {
  while (at < text.size()) {
    const Char next = char_at(text, at, table);
    if (next.klass != klass) break;
    at += next.length;
  }
  return at;
}

/// A run of blanks up to the text's end stays whole; before a word it leaves its last character,
/// unless that is all it has.
std::size_t space_end(std::string_view text, std::size_t begin, const ClassTable& table) {
  std::size_t last = begin;
  std::size_t at = begin;
  while (at < text.size()) {
    const Char next = char_at(text, at, table);
    if (next.klass != CharClass::space) return last > begin ? last : at;
    last = at;
    at += next.length;
  }
  return at;
}

}  // namespace

std::size_t piece_end(std::string_view text, std::size_t begin) {
  const ClassTable& table = ClassTable::get();
  if (const std::size_t length = contraction_length(text, begin)) return begin + length;
  const std::size_t word = text[begin] == ' ' ? begin + 1 : begin;
  if (word < text.size()) {
    const Char first = char_at(text, word, table);
    if (first.klass != CharClass::space) {
      return run_end(text, word + first.length, first.klass, table);
    }
  }
  return space_end(text, begin, table);
}

std::size_t safe_cut(std::string_view text, std::size_t near) {
  // A blank after an ASCII character that is no blank always starts a piece, and that character's
  // piece is the same whether the text ends there or goes on.
  const auto is_blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  for (std::size_t at = std::max<std::size_t>(near, 1); at < text.size(); ++at) {
    const char before = text[at - 1];
    const bool plain = static_cast<unsigned char>(before) < 0x80 && !is_blank(before);
    if (plain && is_blank(text[at])) return at;
  }
  return text.size();
}

}  // namespace gptc::tokenizer

#include "frontend/tokenizer/char_step.h"

namespace gptc::tokenizer {
namespace {

/// Bytes of the contraction that starts at `at`, 0 where there is none. Case matters.
std::size_t contraction_length(std::string_view text, std::size_t at) {
  if (text[at] != '\'') return 0;
  const std::string_view rest = text.substr(at + 1, 2);
  if (rest.empty()) return 0;
  if (rest[0] == 's' || rest[0] == 't' || rest[0] == 'm' || rest[0] == 'd') return 2;
  if (rest == "re" || rest == "ve" || rest == "ll") return 3;
  return 0;
}

}  // namespace

std::size_t gpt2_piece_end(const ClassTable& table, std::string_view text, std::size_t begin) {
  if (const std::size_t length = contraction_length(text, begin)) return begin + length;
  const std::size_t word = text[begin] == ' ' ? begin + 1 : begin;
  if (word < text.size()) {
    const CharStep first = char_step(table, text, word);
    if (first.klass != CharClass::space) {
      return run_end(table, text, word + first.length, first.klass);
    }
  }
  return blanks_end(table, text, begin);
}

}  // namespace gptc::tokenizer

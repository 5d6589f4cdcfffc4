#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gptc::tokenizer {

/// What starts at a byte of a text.
enum class Utf8Status : std::uint8_t {
  valid,      ///< one code point
  invalid,    ///< bytes that no continuation can make valid
  incomplete  ///< the text ends inside a sequence that further bytes could complete
};

struct Utf8Step {
  Utf8Status status;
  std::uint8_t length;  ///< bytes covered, at least 1; of an invalid step the longest valid prefix
  char32_t code_point;  ///< 0 unless valid
};

/// Reads one step at `at` (< text.size()). Strict: no overlong form, surrogate or value > U+10FFFF
/// (The Unicode Standard, table 3-7).
Utf8Step utf8_step_multibyte(std::string_view text, std::size_t at);

inline Utf8Step utf8_step(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x80) return {Utf8Status::valid, 1, byte};
  return utf8_step_multibyte(text, at);
}

/// Appends `code_point` (a scalar value) as UTF-8.
void append_utf8(std::string& out, char32_t code_point);

}  // namespace gptc::tokenizer

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gptc::tokenizer {

/// What the pre-tokenizer sees of a code point. `letter` is \p{L}, `number` is \p{N}, `space` is
/// the 25 White_Space code points, `other` everything else, unassigned code points included.
enum class CharClass : std::uint8_t { other = 0, letter = 1, number = 2, space = 3 };

/// The generated table (Unicode 16.0): sorted runs, each first code point * 4 + class.
std::span<const std::uint32_t> unicode_class_runs();

/// Two-stage lookup expanded from the runs: equal blocks of 256 code points are stored once.
class ClassTable {
 public:
  /// The one table of the process, built on first use; safe to call from any thread.
  static const ClassTable& get();

  /// `code_point` must be below 0x110000.
  CharClass of(char32_t code_point) const {
    const std::size_t block = block_of_[code_point >> 8];
    return classes_[block * 256 + (code_point & 255)];
  }

 private:
  ClassTable();
  std::array<std::uint16_t, 0x1100> block_of_{};
  std::vector<CharClass> classes_;
};

}  // namespace gptc::tokenizer

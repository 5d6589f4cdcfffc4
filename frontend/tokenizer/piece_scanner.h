#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "frontend/tokenizer/block_steps.h"
#include "frontend/tokenizer/pattern.h"
#include "frontend/tokenizer/unicode_classes.h"

namespace gptc::tokenizer {

class Vocabulary;

/// Finds the pieces of a text as piece_end does (pretokenize.h), but for GPT-2's pattern 64 bytes
/// at a time: classes of bytes become masks, and a few operations on masks say where pieces begin.
///
///     PieceScanner scanner(Pattern::gpt2, text);
///     std::size_t ends[1024];
///     for (std::size_t n; (n = scanner.next(ends)) > 0;) ...  // ends of pieces, ascending
class PieceScanner {
 public:
  /// `steps` are for tests.
  PieceScanner(Pattern pattern, std::string_view text,
               const BlockSteps& steps = BlockSteps::fastest())
      : PieceScanner(pattern, text, nullptr, steps) {}

  /// For encoding alone: with the vocabulary's pattern, and pieces cut further, before characters
  /// beyond ASCII and in long runs of spaces, where Vocabulary::joins says that no merge crosses.
  /// Their tokens joined are those of the pieces, and most are short enough to be looked up.
  PieceScanner(std::string_view text, const Vocabulary& vocabulary);

  /// What next() needs: a block of 64 bytes and the text's end.
  static constexpr std::size_t kLeastRoom = 65 + BlockSteps::kBeyond;

  /// Writes the ends of the next pieces to `ends`, which must have room for kLeastRoom or more, and
  /// returns how many; 0 at the end of the text. The last end is text.size().
  std::size_t next(std::span<std::size_t> ends);

 private:
  struct Block {
    std::uint64_t letter = 0;
    std::uint64_t number = 0;
    std::uint64_t blank = 0;
    std::uint64_t space = 0;
    std::uint64_t apostrophe = 0;
    std::uint64_t wide_blank = 0;  // first bytes of blanks beyond ASCII
    std::uint64_t plain_blank = 0;
    std::uint64_t cut = 0;
  };

  /// What the block before leaves behind, each in the lowest bits.
  struct Carry {
    std::uint64_t letter = 0;
    std::uint64_t number = 0;
    std::uint64_t other = 0;
    std::uint64_t blank = 0;
    std::uint64_t space = 0;
    std::uint64_t starts_to_set = 0;
    std::uint64_t starts_to_clear = 0;
  };
  /// Starts of a block with its contractions, and what they mean for the next block.
  struct Contracted {
    std::uint64_t starts;
    std::uint64_t starts_to_set = 0;
    std::uint64_t starts_to_clear = 0;
  };
  /// The characters beyond ASCII in a block.
  struct WidePart {
    std::uint64_t letter = 0;
    std::uint64_t number = 0;
    std::uint64_t blank = 0;
    std::uint64_t first_of_blank = 0;
    std::uint64_t cut = 0;
  };

  PieceScanner(Pattern pattern, std::string_view text, const Vocabulary* vocabulary,
               const BlockSteps& steps);
  std::size_t next_by_rule(std::span<std::size_t> ends);
  WidePart wide_part(std::uint64_t high, const char* bytes, std::size_t begin);
  std::uint64_t cuts_before(std::uint64_t firsts, const char* bytes, std::size_t begin) const;
  Contracted with_contractions(std::uint64_t apostrophes, std::uint64_t starts,
                               std::size_t begin) const;
  std::uint64_t wide_blank_starts(const Block& block, const Block& after, std::size_t begin) const;

  friend struct BlockScan;  // block_scan.h

  Pattern pattern_;
  std::string_view text_;
  const Vocabulary* vocabulary_;
  const ClassTable& table_;
  BlockSteps steps_;
  std::uint64_t space_cuts_;  // where a run of spaces may be cut
  std::size_t at_ = 0;
  bool begun_ = false;
  bool done_ = false;
  Block ahead_;  // the block that begins at at_
  Carry carry_;
  // Of a character that reaches into the block read next: its class and bytes there.
  CharClass open_class_ = CharClass::other;
  unsigned open_bytes_ = 0;
};

}  // namespace gptc::tokenizer

#pragma once

#include <cstring>

#include "frontend/tokenizer/piece_scanner.h"

namespace gptc::tokenizer {

/// PieceScanner's loop over blocks, to be inlined where it may use a processor's instructions.
/// What it keeps from block to block lies in registers or near, where writing ends leaves it alone.
struct BlockScan {
  using Block = PieceScanner::Block;
  using Carry = PieceScanner::Carry;

  static constexpr std::size_t kBlock = 64;
  static constexpr std::size_t kLookahead = 4;  // bytes after a block that its last character needs

  static std::uint64_t low_bits(std::size_t count) {
    return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
  }

  template <auto masks, auto write_bits>
  static inline std::size_t next(PieceScanner& scanner, std::span<std::size_t> ends) {
    const std::string_view text = scanner.text_;
    std::size_t* out = ends.data();
    std::size_t* const full = ends.data() + ends.size() - (kBlock + BlockSteps::kBeyond);
    std::size_t at = scanner.at_;
    Block ahead = scanner.begun_ ? scanner.ahead_ : read_block<masks>(scanner, text, 0);
    Carry carry = scanner.carry_;
    while (out <= full) {
      const Block block = ahead;
      ahead = read_block<masks>(scanner, text, at + kBlock);
      std::uint64_t starts = starts_of(scanner, block, ahead, at, carry);
      starts &= low_bits(text.size() - at);
      if (at == 0) starts &= ~std::uint64_t{1};
      out = write_bits(starts, at, out);
      at += kBlock;
      if (at >= text.size()) {
        // One place is left: a block has at most 64 starts, and the first block at most 63.
        if (out == ends.data() + ends.size()) continue;
        *out++ = text.size();
        scanner.done_ = true;
        break;
      }
    }
    scanner.begun_ = true;
    scanner.at_ = at;
    scanner.ahead_ = ahead;
    scanner.carry_ = carry;
    return static_cast<std::size_t>(out - ends.data());
  }

 private:
  template <auto masks>
  static inline Block read_block(PieceScanner& scanner, std::string_view text, std::size_t begin) {
    if (begin + kBlock + kLookahead > text.size()) [[unlikely]] {
      char padded[kBlock + kLookahead];  // blanks after the end: no word follows
      std::memset(padded, ' ', sizeof padded);
      if (begin < text.size()) std::memcpy(padded, text.data() + begin, text.size() - begin);
      return block_of<masks>(scanner, padded, begin);
    }
    return block_of<masks>(scanner, text.data() + begin, begin);
  }

  template <auto masks>
  static inline Block block_of(PieceScanner& scanner, const char* bytes, std::size_t begin) {
    const ByteMasks found = masks(bytes);
    Block block{.letter = found.letter,
                .number = found.number,
                .blank = found.blank,
                .space = found.space,
                .apostrophe = found.apostrophe,
                .plain_blank = found.blank};
    if (found.high != 0) {
      const auto wide = scanner.wide_part(found.high, bytes, begin);
      block.letter |= wide.letter;
      block.number |= wide.number;
      block.blank |= wide.blank;
      block.wide_blank = wide.first_of_blank;
      block.cut = wide.cut;
    }
    return block;
  }

  static inline std::uint64_t starts_of(const PieceScanner& scanner, const Block& block,
                                        const Block& after, std::size_t at, Carry& carry) {
    const std::uint64_t other = ~(block.letter | block.number | block.blank);
    const std::uint64_t letter_left = block.letter << 1 | carry.letter;
    const std::uint64_t number_left = block.number << 1 | carry.number;
    const std::uint64_t other_left = other << 1 | carry.other;
    const std::uint64_t blank_left = block.blank << 1 | carry.blank;
    const std::uint64_t space_left = block.space << 1 | carry.space;
    const std::uint64_t word_right = ~block.blank >> 1 | ~after.blank << 63;
    // A run begins where the class changes, unless a space before it belongs to it. The last blank
    // before a word begins a piece: with the word if it is a space, else alone.
    std::uint64_t starts =
        ((block.letter & ~letter_left) | (block.number & ~number_left) | (other & ~other_left)) &
        ~space_left;
    starts |= (block.blank & ~blank_left) | (block.plain_blank & word_right);
    if (block.wide_blank != 0) starts |= scanner.wide_blank_starts(block, after, at);
    const std::uint64_t apostrophes = block.apostrophe & ~other_left & ~space_left;
    starts = (starts & ~carry.starts_to_clear) | carry.starts_to_set;
    carry = {.letter = block.letter >> 63,
             .number = block.number >> 63,
             .other = other >> 63,
             .blank = block.blank >> 63,
             .space = block.space >> 63};
    if (apostrophes != 0) {
      const auto contracted = scanner.with_contractions(apostrophes, starts, at);
      starts = contracted.starts;
      carry.starts_to_set = contracted.starts_to_set;
      carry.starts_to_clear = contracted.starts_to_clear;
    }
    return starts | block.cut | (block.space & space_left & scanner.space_cuts_);
  }
};

}  // namespace gptc::tokenizer

#include "frontend/tokenizer/piece_scanner.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "frontend/tokenizer/char_step.h"
#include "frontend/tokenizer/pretokenize.h"
#include "frontend/tokenizer/utf8.h"
#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {
namespace {

constexpr std::size_t kBlock = 64;
constexpr std::size_t kLookahead = 4;  // bytes after a block that its last character may need
constexpr std::uint64_t kAll = ~std::uint64_t{0};

std::uint64_t low_bits(std::size_t count) {
  return count >= 64 ? kAll : (std::uint64_t{1} << count) - 1;
}

/// Bytes of the contraction that starts with the apostrophe at `at`, 0 where there is none.
unsigned contraction_length(std::string_view text, std::size_t at) {
  const char first = at + 1 < text.size() ? text[at + 1] : ' ';
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  const char second = at + 2 < text.size() ? text[at + 2] : ' ';
  if (second == 'e' && (first == 'r' || first == 'v')) return 3;
  return second == 'l' && first == 'l' ? 3 : 0;
}

/// The character beyond ASCII at `at` of a block, after which kLookahead bytes can be read.
CharStep wide_step(const ClassTable& table, const char* bytes, unsigned at) {
  const auto byte = [&](unsigned i) { return static_cast<unsigned char>(bytes[at + i]); };
  const unsigned first = byte(0);
  // Most texts beyond Latin letters are of three bytes, and these leads take any two more.
  if (first > 0xE0 && first < 0xF0 && first != 0xED) [[likely]] {
    const unsigned second = byte(1) ^ 0x80u;
    const unsigned third = byte(2) ^ 0x80u;
    if ((second | third) < 0x40) return {table.of((first & 0xF) << 12 | second << 6 | third), 3};
    return {CharClass::other, 1};
  }
  const Utf8Step step = utf8_step_multibyte({bytes, kBlock + kLookahead}, at);
  if (step.status != Utf8Status::valid) return {CharClass::other, 1};
  return {table.of(step.code_point), step.length};
}

}  // namespace

PieceScanner::PieceScanner(std::string_view text, const Vocabulary& vocabulary)
    : PieceScanner(vocabulary.pattern(), text, &vocabulary, BlockSteps::fastest()) {}

PieceScanner::PieceScanner(Pattern pattern, std::string_view text, const Vocabulary* vocabulary,
                           const BlockSteps& steps)
    : pattern_(pattern),
      text_(text),
      vocabulary_(vocabulary),
      table_(ClassTable::get()),
      steps_(steps) {
  if (text_.empty()) {
    done_ = true;
  } else if (pattern_ == Pattern::gpt2) {
    ahead_ = read_block(0);
  }
}

std::size_t PieceScanner::next(std::span<std::size_t> ends) {
  if (done_) return 0;
  return pattern_ == Pattern::gpt2 ? next_by_blocks(ends) : next_by_rule(ends);
}

std::size_t PieceScanner::next_by_rule(std::span<std::size_t> ends) {
  std::size_t count = 0;
  while (at_ < text_.size() && count < ends.size()) {
    at_ = piece_end(pattern_, text_, at_);
    ends[count++] = at_;
  }
  done_ = at_ == text_.size();
  return count;
}

std::size_t PieceScanner::next_by_blocks(std::span<std::size_t> ends) {
  std::size_t* out = ends.data();
  std::size_t* const full = ends.data() + ends.size() - (kBlock + BlockSteps::kBeyond);
  while (out <= full) {
    const Block block = ahead_;
    ahead_ = read_block(at_ + kBlock);
    std::uint64_t starts = starts_of(block, ahead_);
    starts &= low_bits(text_.size() - at_);
    if (at_ == 0) starts &= ~std::uint64_t{1};
    out = steps_.write_bits(starts, at_, out);
    at_ += kBlock;
    if (at_ >= text_.size()) {
      // One place is left: a block has at most 64 starts, and the first block at most 63.
      if (out == ends.data() + ends.size()) continue;
      *out++ = text_.size();
      done_ = true;
      break;
    }
  }
  return static_cast<std::size_t>(out - ends.data());
}

PieceScanner::Block PieceScanner::read_block(std::size_t begin) {
  char padded[kBlock + kLookahead];
  const char* bytes = text_.data() + begin;
  if (begin + sizeof padded > text_.size()) {  // blanks after the end: no word follows
    std::memset(padded, ' ', sizeof padded);
    if (begin < text_.size()) std::memcpy(padded, bytes, text_.size() - begin);
    bytes = padded;
  }
  const ByteMasks masks = steps_.masks(bytes);
  Block block{.letter = masks.letter,
              .number = masks.number,
              .blank = masks.blank,
              .space = masks.space,
              .apostrophe = masks.apostrophe,
              .plain_blank = masks.blank};
  if (masks.high != 0) add_wide(block, masks.high, bytes, begin);
  return block;
}

void PieceScanner::add_wide(Block& block, std::uint64_t high, const char* bytes,
                            std::size_t begin) {
  std::uint64_t of_class[4] = {};
  const std::uint64_t open = low_bits(open_bytes_);
  of_class[static_cast<std::size_t>(open_class_)] = open;
  high &= ~open;
  open_bytes_ = 0;
  std::uint64_t cut = 0;
  auto before =
      static_cast<unsigned char>(begin > 0 && begin <= text_.size() ? text_[begin - 1] : 0);
  while (high != 0) {
    const auto at = static_cast<unsigned>(std::countr_zero(high));
    if (at > 0) before = static_cast<unsigned char>(bytes[at - 1]);
    const bool apart = vocabulary_ != nullptr &&
                       !vocabulary_->joins(before, static_cast<unsigned char>(bytes[at]));
    cut |= std::uint64_t{apart} << at;
    const CharStep step = wide_step(table_, bytes, at);
    const std::uint64_t bits = low_bits(step.length) << at;
    of_class[static_cast<std::size_t>(step.klass)] |= bits;
    if (step.klass == CharClass::space) block.wide_blank |= std::uint64_t{1} << at;
    high &= ~bits;
    if (at + step.length > kBlock) {
      open_class_ = step.klass;
      open_bytes_ = at + step.length - static_cast<unsigned>(kBlock);
    }
  }
  block.letter |= of_class[static_cast<std::size_t>(CharClass::letter)];
  block.number |= of_class[static_cast<std::size_t>(CharClass::number)];
  block.blank |= of_class[static_cast<std::size_t>(CharClass::space)];
  block.cut = begin == 0 ? cut & ~std::uint64_t{1} : cut;
}

std::uint64_t PieceScanner::starts_of(const Block& block, const Block& after) {
  const std::uint64_t other = ~(block.letter | block.number | block.blank);
  const std::uint64_t letter_left = block.letter << 1 | letter_before_;
  const std::uint64_t number_left = block.number << 1 | number_before_;
  const std::uint64_t other_left = other << 1 | other_before_;
  const std::uint64_t blank_left = block.blank << 1 | blank_before_;
  const std::uint64_t space_left = block.space << 1 | space_before_;
  const std::uint64_t word_right = ~block.blank >> 1 | ~after.blank << 63;
  // A run begins where the class changes, unless a space before it belongs to it. The last blank
  // before a word begins a piece: with the word if it is a space, else alone.
  std::uint64_t starts =
      ((block.letter & ~letter_left) | (block.number & ~number_left) | (other & ~other_left)) &
      ~space_left;
  starts |= (block.blank & ~blank_left) | (block.plain_blank & word_right);
  if (block.wide_blank != 0) starts |= wide_blank_starts(block, after);
  const std::uint64_t apostrophes = block.apostrophe & ~other_left & ~space_left;
  starts = (starts & ~starts_to_clear_) | starts_to_set_;
  starts_to_clear_ = 0;
  starts_to_set_ = 0;
  if (apostrophes != 0) apply_contractions(apostrophes, starts);
  letter_before_ = block.letter >> 63;
  number_before_ = block.number >> 63;
  other_before_ = other >> 63;
  blank_before_ = block.blank >> 63;
  space_before_ = block.space >> 63;
  return starts | block.cut;
}

void PieceScanner::apply_contractions(std::uint64_t apostrophes, std::uint64_t& starts) {
  for (; apostrophes != 0; apostrophes &= apostrophes - 1) {
    const auto at = static_cast<unsigned>(std::countr_zero(apostrophes));
    const unsigned length = contraction_length(text_, at_ + at);
    if (length == 0) continue;
    const std::uint64_t letter = std::uint64_t{1} << at << 1;
    starts &= ~letter;
    starts_to_clear_ |= at == 63 ? 1u : 0u;
    const unsigned end = at + length;
    if (end < kBlock) {
      starts |= std::uint64_t{1} << end;
    } else {
      starts_to_set_ |= std::uint64_t{1} << (end - kBlock);
    }
  }
}

std::uint64_t PieceScanner::wide_blank_starts(const Block& block, const Block& after) const {
  std::uint64_t starts = 0;
  for (std::uint64_t left = block.wide_blank; left != 0; left &= left - 1) {
    const auto at = static_cast<unsigned>(std::countr_zero(left));
    const auto first = static_cast<unsigned char>(text_[at_ + at]);
    const unsigned next = at + (first < 0xE0 ? 2 : 3);
    const std::uint64_t blank =
        next < kBlock ? block.blank >> next : after.blank >> (next - kBlock);
    if ((blank & 1) == 0) starts |= std::uint64_t{1} << at;
  }
  return starts;
}

}  // namespace gptc::tokenizer

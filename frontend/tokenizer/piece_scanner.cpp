#include "frontend/tokenizer/piece_scanner.h"

#include <algorithm>
#include <bit>

#include "frontend/tokenizer/block_scan.h"
#include "frontend/tokenizer/char_step.h"
#include "frontend/tokenizer/pretokenize.h"
#include "frontend/tokenizer/utf8.h"
#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {
namespace {

constexpr std::size_t kBlock = BlockScan::kBlock;
constexpr std::uint64_t kEveryFourth = 0x1111111111111111u;

std::uint64_t low_bits(std::size_t count) { return BlockScan::low_bits(count); }

/// Bytes of the contraction that starts with the apostrophe at `at`, 0 where there is none.
unsigned contraction_length(std::string_view text, std::size_t at) {
  const char first = at + 1 < text.size() ? text[at + 1] : ' ';
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  const char second = at + 2 < text.size() ? text[at + 2] : ' ';
  if (second == 'e' && (first == 'r' || first == 'v')) return 3;
  return second == 'l' && first == 'l' ? 3 : 0;
}

/// The character beyond ASCII at `at` of a block, after which BlockScan::kLookahead bytes can be
/// read.
CharStep wide_step(const ClassTable& table, const char* bytes, unsigned at) {
  const Utf8Step step = utf8_step_multibyte({bytes, kBlock + BlockScan::kLookahead}, at);
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
      steps_(steps),
      space_cuts_(vocabulary != nullptr && !vocabulary->joins(' ', ' ') ? kEveryFourth : 0) {
  done_ = text_.empty();
}

std::size_t PieceScanner::next(std::span<std::size_t> ends) {
  if (done_) return 0;
  return pattern_ == Pattern::gpt2 ? steps_.next(*this, ends) : next_by_rule(ends);
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

/// Those of three bytes whose first allows any two more, most of what is beyond Latin letters, are
/// found all at once by masks; what is left is taken one by one.
PieceScanner::WidePart PieceScanner::wide_part(std::uint64_t high, const char* bytes,
                                               std::size_t begin) {
  const std::uint64_t open = low_bits(open_bytes_);
  std::uint64_t of_class[4] = {};
  of_class[static_cast<std::size_t>(open_class_)] = open;
  high &= ~open;
  open_bytes_ = 0;
  WidePart part;
  const WideMasks masks = wide_masks(bytes);
  const auto continues = [&](std::size_t i) {
    return std::uint64_t{(static_cast<unsigned char>(bytes[i]) & 0xC0u) == 0x80};
  };
  const std::uint64_t behind = continues(kBlock) | continues(kBlock + 1) << 1;
  const std::uint64_t threes = masks.first_of_three & (masks.continuation >> 1 | behind << 63) &
                               (masks.continuation >> 2 | behind << 62);
  // The lower bit of each one's class, and the upper.
  std::uint64_t odd = threes & masks.of_letters;
  std::uint64_t upper = 0;
  static_assert(CharClass::letter == CharClass{1});
  for (std::uint64_t left = threes & ~odd; left != 0; left &= left - 1) {
    const auto at = static_cast<unsigned>(std::countr_zero(left));
    const auto byte = [&](unsigned i) { return static_cast<unsigned char>(bytes[at + i]); };
    const auto klass = static_cast<std::uint64_t>(
        table_.of((byte(0) & 0xFu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu)));
    odd |= (klass & 1) << at;
    upper |= (klass >> 1) << at;
  }
  if (const auto beyond = static_cast<unsigned>(threes >> 62); beyond != 0) {
    const unsigned at = 61 + beyond;  // a byte of it lies beyond the block, or two
    open_class_ = static_cast<CharClass>((odd >> at & 1) | (upper >> at & 1) << 1);
    open_bytes_ = beyond;
  }
  const auto whole = [](std::uint64_t firsts) { return firsts | firsts << 1 | firsts << 2; };
  part.letter = whole(odd & ~upper);
  part.number = whole(upper & ~odd);
  part.blank = whole(upper & odd);
  part.first_of_blank = upper & odd;
  std::uint64_t firsts = threes;
  high &= ~whole(threes);
  while (high != 0) {
    const auto at = static_cast<unsigned>(std::countr_zero(high));
    firsts |= std::uint64_t{1} << at;
    const CharStep step = wide_step(table_, bytes, at);
    const std::uint64_t bits = low_bits(step.length) << at;
    of_class[static_cast<std::size_t>(step.klass)] |= bits;
    if (step.klass == CharClass::space) part.first_of_blank |= std::uint64_t{1} << at;
    high &= ~bits;
    if (at + step.length > kBlock) {
      open_class_ = step.klass;
      open_bytes_ = at + step.length - static_cast<unsigned>(kBlock);
    }
  }
  part.letter |= of_class[static_cast<std::size_t>(CharClass::letter)];
  part.number |= of_class[static_cast<std::size_t>(CharClass::number)];
  part.blank |= of_class[static_cast<std::size_t>(CharClass::space)];
  if (vocabulary_ != nullptr) part.cut = cuts_before(firsts, bytes, begin);
  return part;
}

/// Which of these characters no token joins with the byte before.
std::uint64_t PieceScanner::cuts_before(std::uint64_t firsts, const char* bytes,
                                        std::size_t begin) const {
  std::uint64_t cuts = 0;
  if ((firsts & 1) != 0 && begin > 0 && begin < text_.size()) {
    cuts = vocabulary_->joins(text_[begin - 1], bytes[0]) ? 0 : 1;
  }
  for (std::uint64_t left = firsts & ~std::uint64_t{1}; left != 0; left &= left - 1) {
    const auto at = static_cast<unsigned>(std::countr_zero(left));
    cuts |= std::uint64_t{!vocabulary_->joins_at(bytes + at)} << at;
  }
  return cuts;
}

PieceScanner::Contracted PieceScanner::with_contractions(std::uint64_t apostrophes,
                                                         std::uint64_t starts,
                                                         std::size_t begin) const {
  Contracted result{.starts = starts};
  for (; apostrophes != 0; apostrophes &= apostrophes - 1) {
    const auto at = static_cast<unsigned>(std::countr_zero(apostrophes));
    const unsigned length = contraction_length(text_, begin + at);
    if (length == 0) continue;
    result.starts &= ~(std::uint64_t{1} << at << 1);
    result.starts_to_clear |= at == 63 ? 1u : 0u;
    const unsigned end = at + length;
    if (end < kBlock) {
      result.starts |= std::uint64_t{1} << end;
    } else {
      result.starts_to_set |= std::uint64_t{1} << (end - kBlock);
    }
  }
  return result;
}

std::uint64_t PieceScanner::wide_blank_starts(const Block& block, const Block& after,
                                              std::size_t begin) const {
  std::uint64_t starts = 0;
  for (std::uint64_t left = block.wide_blank; left != 0; left &= left - 1) {
    const auto at = static_cast<unsigned>(std::countr_zero(left));
    const auto first = static_cast<unsigned char>(text_[begin + at]);
    const unsigned next = at + (first < 0xE0 ? 2 : 3);
    const std::uint64_t blank =
        next < kBlock ? block.blank >> next : after.blank >> (next - kBlock);
    if ((blank & 1) == 0) starts |= std::uint64_t{1} << at;
  }
  return starts;
}

}  // namespace gptc::tokenizer

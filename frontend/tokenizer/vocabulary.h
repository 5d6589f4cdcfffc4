#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/pair_map.h"
#include "frontend/tokenizer/pattern.h"
#include "frontend/tokenizer/rank_table.h"
#include "frontend/tokenizer/token_index.h"

namespace gptc::tokenizer {

/// A short token's bytes and, last, how many: what decoding copies whole.
template <std::size_t kSize>
struct alignas(kSize) BasicTokenRow {
  static constexpr std::size_t kLongest = kSize - 1;
  char bytes[kLongest] = {};
  std::uint8_t length = 0;  // kLongest + 1: the token is longer

  BasicTokenRow() = default;
  explicit BasicTokenRow(std::string_view token)
      : length(static_cast<std::uint8_t>(std::min(token.size(), kSize))) {
    if (token.size() <= kLongest) std::copy(token.begin(), token.end(), bytes);
  }
};
using TokenRow = BasicTokenRow<16>;
using ShortRow = BasicTokenRow<8>;  // half the memory to look up in, where most tokens are short

/// The tokens of a byte-level BPE and their merges; immutable, so it may be shared by threads.
/// A token is a single byte, the result of a merge, or special (its text never comes from merging).
class Vocabulary {
 public:
  /// `tokens[id]` are the token's bytes, none where the id is not used; `merges` are in rank order.
  /// All are trusted to be checked: ids in range, no pair twice, each result the joined bytes,
  /// every byte a token of its own. `pattern` cuts texts into the pieces that the merges were
  /// learned from. Throws Error if the tokens have 4 GiB or more.
  Vocabulary(const std::vector<std::string>& tokens, std::vector<Merge> merges,
             Pattern pattern = Pattern::gpt2);
  Vocabulary(const Vocabulary&) = delete;  // whole_ points into bytes_
  Vocabulary& operator=(const Vocabulary&) = delete;

  Pattern pattern() const { return pattern_; }
  std::int32_t size() const { return static_cast<std::int32_t>(offsets_.size() - 1); }

  std::string_view bytes(std::int32_t id) const {
    const auto at = static_cast<std::size_t>(id);
    return {bytes_.data() + offsets_[at], std::size_t{offsets_[at + 1] - offsets_[at]}};
  }

  /// By id.
  std::span<const TokenRow> token_rows() const { return rows_; }
  std::span<const ShortRow> short_rows() const { return short_rows_; }

  /// The token as files write it: printable characters for bytes, a special token's own text.
  std::string text(std::int32_t id) const;

  std::int32_t byte_token(unsigned char byte) const { return byte_tokens_[byte]; }
  std::span<const Merge> merges() const { return merges_; }

  /// The rank of the merge of two tokens (lower merges first), PairMap::kMissing if there is none.
  std::uint32_t rank(std::int32_t left, std::int32_t right) const {
    return ranks_.find(left, right).rank;
  }

  /// The same with the merge's result.
  const RankTable::Entry& merge_of(std::int32_t left, std::int32_t right) const {
    return ranks_.find(left, right);
  }

  /// rank() of two bytes' tokens.
  std::uint32_t byte_rank(unsigned char left, unsigned char right) const {
    return byte_ranks_[left * std::size_t{256} + right];
  }

  /// Whether some token that merging makes has these two bytes side by side. Where two neighbours
  /// in a text have not, no merge ever crosses between them, so the text may be cut there.
  bool joins(char left, char right) const { return joins(pair_of(left, right)); }
  /// The same of the byte before `right` and that.
  bool joins_at(const char* right) const {
    if constexpr (std::endian::native != std::endian::little) return joins(right[-1], right[0]);
    std::uint16_t pair = 0;
    std::memcpy(&pair, right - 1, sizeof pair);
    return joins(pair);
  }

  /// The token that `piece` as a whole encodes to. Only tokens that merging reaches are found, so
  /// the lookup is a shortcut and never a rule of its own.
  std::optional<std::int32_t> whole(std::string_view piece) const { return whole_.find(piece); }

  /// Bytes of the longest token that whole() finds.
  std::size_t longest_whole() const { return whole_.longest(); }

  /// The special tokens, ascending, and the one whose text is `text`.
  std::span<const std::int32_t> specials() const { return specials_; }
  std::optional<std::int32_t> special(std::string_view text) const;

 private:
  /// Two bytes as they stand in memory.
  static std::uint16_t pair_of(char left, char right) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(left) |
                                      static_cast<unsigned char>(right) << 8);
  }
  bool joins(std::uint16_t pair) const { return (joins_[pair / 64] >> (pair % 64) & 1) != 0; }

  void store_bytes(const std::vector<std::string>& tokens);
  std::vector<bool> made_by_merging();

  Pattern pattern_;
  std::string bytes_;
  std::vector<std::uint32_t> offsets_;
  std::vector<TokenRow> rows_;
  std::vector<ShortRow> short_rows_;
  std::vector<Merge> merges_;
  RankTable ranks_;
  std::array<std::int32_t, 256> byte_tokens_{};
  std::vector<std::uint32_t> byte_ranks_;
  std::array<std::uint64_t, 1024> joins_{};
  std::vector<std::int32_t> specials_;
  TokenIndex whole_;
};

}  // namespace gptc::tokenizer

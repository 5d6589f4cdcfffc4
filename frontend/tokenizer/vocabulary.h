#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "frontend/tokenizer/pair_map.h"
#include "frontend/tokenizer/pattern.h"

namespace gptc::tokenizer {

/// Tokens `left` and `right`, standing side by side, become `result`.
struct Merge {
  std::int32_t left;
  std::int32_t right;
  std::int32_t result;
};

/// The tokens of a byte-level BPE and their merges; immutable, so it may be shared by threads.
/// A token is a single byte, the result of a merge, or special (its text never comes from merging).
class Vocabulary {
 public:
  /// `tokens[id]` are the token's bytes, none where the id is not used; `merges` are in rank order.
  /// All are trusted to be checked: ids in range, no pair twice, each result the joined bytes,
  /// every byte a token of its own. `pattern` cuts texts into the pieces that the merges were
  /// learned from.
  Vocabulary(std::vector<std::string> tokens, std::vector<Merge> merges,
             Pattern pattern = Pattern::gpt2);
  Vocabulary(const Vocabulary&) = delete;  // the lookup table points into the tokens
  Vocabulary& operator=(const Vocabulary&) = delete;

  Pattern pattern() const { return pattern_; }
  std::int32_t size() const { return static_cast<std::int32_t>(tokens_.size()); }
  std::string_view bytes(std::int32_t id) const { return tokens_[static_cast<std::size_t>(id)]; }

  /// The token as files write it: printable characters for bytes, a special token's own text.
  std::string text(std::int32_t id) const;

  std::int32_t byte_token(unsigned char byte) const { return byte_tokens_[byte]; }
  std::span<const Merge> merges() const { return merges_; }

  /// The rank of the merge of two tokens (lower merges first), PairMap::kMissing if there is none.
  std::uint32_t rank(std::int32_t left, std::int32_t right) const {
    return ranks_.find(pair_key(left, right));
  }

  /// The token that `piece` as a whole encodes to. Only tokens that merging reaches are found, so
  /// the lookup is a shortcut and never a rule of its own.
  std::optional<std::int32_t> whole(std::string_view piece) const;

  /// The special tokens, ascending, and the one whose text is `text`.
  std::span<const std::int32_t> specials() const { return specials_; }
  std::optional<std::int32_t> special(std::string_view text) const;

 private:
  Pattern pattern_;
  std::vector<std::string> tokens_;
  std::vector<Merge> merges_;
  PairMap ranks_;
  std::array<std::int32_t, 256> byte_tokens_{};
  std::vector<std::int32_t> specials_;
  std::unordered_map<std::string_view, std::int32_t> whole_;
};

}  // namespace gptc::tokenizer

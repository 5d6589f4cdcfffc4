#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/pair_map.h"
#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {

/// Finds the merges of a vocabulary that is known by its tokens in rank order alone, as .tiktoken
/// files have it. There any two neighbours merge whose joined bytes are a token, lowest rank first.
/// If such neighbours come up at all, then the merges of lower rank have cut the token into just
/// these two: so each token has one merge, the last step of merging its own bytes.
class MergeDeriver {
 public:
  /// `byte_tokens[b]` is the token of byte b.
  explicit MergeDeriver(std::vector<std::int32_t> byte_tokens)
      : byte_tokens_(std::move(byte_tokens)) {}

  /// The next token in rank order, of two bytes or more. Returns how many tokens merging its bytes
  /// leaves: 2 if it got its merge; otherwise no merge makes it, and none is added.
  std::size_t add(std::string_view bytes, std::int32_t id);

  std::vector<Merge> take() { return std::move(merges_); }

 private:
  struct Node {
    std::int32_t token;  // negative once merged into its left neighbour
    std::uint32_t previous;
    std::uint32_t next;
  };
  std::uint32_t rank_at(std::uint32_t place) const;
  void merge_all();

  std::vector<std::int32_t> byte_tokens_;
  std::vector<Merge> merges_;
  PairMap ranks_;
  std::vector<Node> nodes_;  // of the token in hand
  std::vector<std::uint64_t> heap_;
};

}  // namespace gptc::tokenizer

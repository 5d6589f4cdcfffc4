#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "frontend/tokenizer/pair_map.h"
#include "frontend/tokenizer/pattern.h"
#include "frontend/tokenizer/vocab_json.h"
#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {

/// What messages call the places that tokens and merges come from.
struct VocabularySource {
  std::string vocab;                                    ///< the file of the tokens
  std::string merges;                                   ///< and of the merges
  std::function<std::string(std::size_t)> merge_place;  ///< of a rank, such as "line 7"
};

/// Puts the tokens and merges that files name, in printable form, into a Vocabulary and checks that
/// they belong together: every byte has a token, every merge joins two known tokens to a known one,
/// no pair twice, every token is a byte, a merge's result or special. Throws Error with the place.
class VocabularyBuilder {
 public:
  /// `entries[id]`, an empty token for an id that is not used.
  VocabularyBuilder(std::vector<VocabEntry> entries, VocabularySource source);

  void add_merge(std::string_view left, std::string_view right);

  /// Says that a token is special; without, only tokens written <...> are taken for it.
  void mark_special(std::int32_t id) { special_[static_cast<std::size_t>(id)] = true; }

  std::shared_ptr<const Vocabulary> build(Pattern pattern) &&;

 private:
  [[noreturn]] void fail_merge(std::size_t rank, const std::string& what) const;
  [[noreturn]] void fail_token(std::size_t id, const std::string& what) const;
  std::int32_t id_of(std::string_view token) const;
  std::vector<bool> made_tokens() const;
  void check_parts(const std::vector<bool>& made) const;
  std::string bytes_of(std::size_t id, bool made) const;

  std::vector<VocabEntry> entries_;
  VocabularySource source_;
  std::unordered_map<std::string_view, std::int32_t> ids_;
  std::vector<bool> special_;
  std::string joined_;
  PairMap pairs_;
  std::vector<Merge> merges_;
};

}  // namespace gptc::tokenizer

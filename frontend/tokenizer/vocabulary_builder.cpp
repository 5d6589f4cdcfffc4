#include "frontend/tokenizer/vocabulary_builder.h"

#include <utility>

#include "frontend/tokenizer/byte_map.h"
#include "frontend/tokenizer/error.h"
#include "frontend/tokenizer/json_reader.h"

namespace gptc::tokenizer {
namespace {

bool looks_special(std::string_view token) {
  return token.size() >= 3 && token.front() == '<' && token.back() == '>';
}

}  // namespace

VocabularyBuilder::VocabularyBuilder(std::vector<VocabEntry> entries, VocabularySource source)
    : entries_(std::move(entries)), source_(std::move(source)), special_(entries_.size(), false) {
  ids_.reserve(entries_.size());
  for (const VocabEntry& entry : entries_) {
    if (!entry.token.empty()) ids_.emplace(entry.token, entry.id);
  }
}

void VocabularyBuilder::fail_merge(std::size_t rank, const std::string& what) const {
  throw Error(source_.merges + ": " + source_.merge_place(rank) + ": " + what);
}

void VocabularyBuilder::fail_token(std::size_t id, const std::string& what) const {
  throw Error(source_.vocab + ": byte " + std::to_string(entries_[id].byte) + ": token " +
              show_token(entries_[id].token) + " " + what);
}

std::int32_t VocabularyBuilder::id_of(std::string_view token) const {
  const auto at = ids_.find(token);
  if (at == ids_.end()) {
    fail_merge(merges_.size(), "token " + show_token(token) + " is not in the vocabulary");
  }
  return at->second;
}

void VocabularyBuilder::add_merge(std::string_view left, std::string_view right) {
  joined_.assign(left).append(right);
  const Merge merge{id_of(left), id_of(right), id_of(joined_)};
  const auto rank = static_cast<std::uint32_t>(merges_.size());
  const std::uint32_t first = pairs_.find_or_add(pair_key(merge.left, merge.right), rank);
  if (first != rank) {
    fail_merge(rank, "merge " + show_token(std::string(left) + ' ' + std::string(right)) +
                         " stands in " + source_.merge_place(first) + " already");
  }
  merges_.push_back(merge);
}

/// Which tokens merging can make: the single bytes and the results of merges.
std::vector<bool> VocabularyBuilder::made_tokens() const {
  std::vector<bool> made(entries_.size(), false);
  for (unsigned byte = 0; byte < 256; ++byte) {
    const std::string text = mapped(std::string(1, static_cast<char>(byte)));
    const auto at = ids_.find(text);
    if (at == ids_.end()) {
      throw Error(source_.vocab + ": no token for byte " + std::to_string(byte) + ", written " +
                  show_token(text) + "; a byte-level vocabulary needs all 256");
    }
    made[static_cast<std::size_t>(at->second)] = true;
  }
  for (const Merge& merge : merges_) made[static_cast<std::size_t>(merge.result)] = true;
  return made;
}

void VocabularyBuilder::check_parts(const std::vector<bool>& made) const {
  for (std::size_t rank = 0; rank < merges_.size(); ++rank) {
    for (const std::int32_t part : {merges_[rank].left, merges_[rank].right}) {
      const auto id = static_cast<std::size_t>(part);
      if (made[id]) continue;
      fail_merge(rank,
                 "token " + show_token(entries_[id].token) + " is no byte and no merge makes it");
    }
  }
}

/// Of a special token its text, of another what its characters map to, of an unused id nothing.
std::string VocabularyBuilder::bytes_of(std::size_t id, bool made) const {
  const std::string& token = entries_[id].token;
  if (token.empty()) return {};
  if (special_[id] && made) {
    fail_token(id,
               "is special, but a byte or a merge makes it too; it would change the ids of "
               "ordinary text");
  }
  if (made) {
    if (auto bytes = unmap(token)) return *std::move(bytes);
  } else if (special_[id] || looks_special(token)) {
    if (token.size() == 1) fail_token(id, "is special and must have two bytes or more");
    return token;
  }
  fail_token(id, "is no byte, no merge of " + source_.merges +
                     " makes it, and special tokens are written <...>; do the files belong "
                     "together?");
}

std::shared_ptr<const Vocabulary> VocabularyBuilder::build(Pattern pattern) && {
  const std::vector<bool> made = made_tokens();
  check_parts(made);
  std::vector<std::string> tokens;
  tokens.reserve(entries_.size());
  for (std::size_t id = 0; id < entries_.size(); ++id) tokens.push_back(bytes_of(id, made[id]));
  return std::make_shared<const Vocabulary>(std::move(tokens), std::move(merges_), pattern);
}

}  // namespace gptc::tokenizer

#include "frontend/tokenizer/vocabulary.h"

#include <algorithm>
#include <utility>

#include "frontend/tokenizer/bpe.h"
#include "frontend/tokenizer/byte_map.h"

namespace gptc::tokenizer {

Vocabulary::Vocabulary(std::vector<std::string> tokens, std::vector<Merge> merges, Pattern pattern)
    : pattern_(pattern),
      tokens_(std::move(tokens)),
      merges_(std::move(merges)),
      ranks_(merges_.size()) {
  std::vector<bool> made(tokens_.size(), false);
  for (std::int32_t id = 0; id < size(); ++id) {
    if (bytes(id).size() != 1) continue;
    byte_tokens_[static_cast<unsigned char>(bytes(id)[0])] = id;
    made[static_cast<std::size_t>(id)] = true;
  }
  for (std::uint32_t rank = 0; rank < merges_.size(); ++rank) {
    const Merge& merge = merges_[rank];
    ranks_.find_or_add(pair_key(merge.left, merge.right), rank);
    made[static_cast<std::size_t>(merge.result)] = true;
  }
  std::vector<std::int32_t> ids;
  whole_.reserve(tokens_.size());
  for (std::int32_t id = 0; id < size(); ++id) {
    if (!made[static_cast<std::size_t>(id)]) {
      if (!bytes(id).empty()) specials_.push_back(id);
      continue;
    }
    ids.clear();
    merge_piece(*this, bytes(id), ids);
    if (ids.size() == 1 && ids[0] == id) whole_.emplace(bytes(id), id);
  }
}

std::string Vocabulary::text(std::int32_t id) const {
  const bool special = std::binary_search(specials_.begin(), specials_.end(), id);
  return special ? std::string(bytes(id)) : mapped(bytes(id));
}

std::optional<std::int32_t> Vocabulary::whole(std::string_view piece) const {
  const auto at = whole_.find(piece);
  if (at == whole_.end()) return std::nullopt;
  return at->second;
}

std::optional<std::int32_t> Vocabulary::special(std::string_view text) const {
  for (const std::int32_t id : specials_) {
    if (bytes(id) == text) return id;
  }
  return std::nullopt;
}

}  // namespace gptc::tokenizer

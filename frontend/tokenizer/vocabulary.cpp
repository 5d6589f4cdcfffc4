#include "frontend/tokenizer/vocabulary.h"

#include <algorithm>
#include <utility>

#include "frontend/tokenizer/byte_map.h"
#include "frontend/tokenizer/error.h"
#include "frontend/tokenizer/merger.h"

namespace gptc::tokenizer {

Vocabulary::Vocabulary(const std::vector<std::string>& tokens, std::vector<Merge> merges,
                       Pattern pattern)
    : pattern_(pattern),
      merges_(std::move(merges)),
      ranks_(merges_),
      byte_ranks_(65536),
      whole_(tokens.size()) {
  store_bytes(tokens);
  const std::vector<bool> made = made_by_merging();
  for (std::size_t pair = 0; pair < byte_ranks_.size(); ++pair) {
    byte_ranks_[pair] = rank(byte_tokens_[pair / 256], byte_tokens_[pair % 256]);
  }
  Merger merger(*this);
  std::vector<std::int32_t> ids;
  for (std::int32_t id = 0; id < size(); ++id) {
    const std::string_view token = bytes(id);
    if (!made[static_cast<std::size_t>(id)]) {
      if (!token.empty()) specials_.push_back(id);
      continue;
    }
    for (std::size_t i = 0; i + 1 < token.size(); ++i) {
      const std::uint16_t pair = pair_of(token[i], token[i + 1]);
      joins_[pair / 64] |= std::uint64_t{1} << (pair % 64);
    }
    ids.clear();
    merger.merge(token, ids);
    if (ids.size() == 1 && ids[0] == id) whole_.add(token, id);
  }
}

void Vocabulary::store_bytes(const std::vector<std::string>& tokens) {
  std::size_t total = 0;
  for (const std::string& token : tokens) total += token.size();
  if (total > 0xFFFFFFFFu) {
    throw Error("vocabulary: its tokens have " + std::to_string(total) +
                " bytes, but must stay under 4 GiB");
  }
  bytes_.reserve(total);
  offsets_.reserve(tokens.size() + 1);
  for (const std::string& token : tokens) {
    offsets_.push_back(static_cast<std::uint32_t>(bytes_.size()));
    bytes_ += token;
  }
  offsets_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  rows_.reserve(tokens.size());
  short_rows_.reserve(tokens.size());
  for (const std::string& token : tokens) {
    rows_.emplace_back(token);
    short_rows_.emplace_back(token);
  }
}

std::vector<bool> Vocabulary::made_by_merging() {
  std::vector<bool> made(offsets_.size() - 1, false);
  for (std::int32_t id = 0; id < size(); ++id) {
    if (bytes(id).size() != 1) continue;
    byte_tokens_[static_cast<unsigned char>(bytes(id)[0])] = id;
    made[static_cast<std::size_t>(id)] = true;
  }
  for (const Merge& merge : merges_) made[static_cast<std::size_t>(merge.result)] = true;
  return made;
}

std::string Vocabulary::text(std::int32_t id) const {
  const bool special = std::binary_search(specials_.begin(), specials_.end(), id);
  return special ? std::string(bytes(id)) : mapped(bytes(id));
}

std::optional<std::int32_t> Vocabulary::special(std::string_view text) const {
  for (const std::int32_t id : specials_) {
    if (bytes(id) == text) return id;
  }
  return std::nullopt;
}

}  // namespace gptc::tokenizer

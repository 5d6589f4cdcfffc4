#include <algorithm>

#include "frontend/tokenizer/pretokenize.h"
#include "frontend/tokenizer/special_finder.h"
#include "frontend/tokenizer/tokenizer.h"

namespace gptc::tokenizer {
namespace {

constexpr std::size_t kLeast = 4096;  // new bytes that are worth looking at

std::size_t longest_special(const Vocabulary& vocabulary) {
  std::size_t longest = 0;
  for (const std::int32_t id : vocabulary.specials()) {
    longest = std::max(longest, vocabulary.bytes(id).size());
  }
  return longest;
}

}  // namespace

StreamEncoder::StreamEncoder(Tokenizer tokenizer, EncodeOptions options)
    : tokenizer_(std::move(tokenizer)), options_(options), enough_(kLeast) {
  if (options.special == SpecialTokens::recognised) {
    longest_special_ = longest_special(tokenizer_.vocabulary());
  }
}

void StreamEncoder::push(std::string_view chunk, std::vector<std::int32_t>& ids) {
  held_ += chunk;
  if (held_.size() < enough_) return;
  const std::size_t done = encode_decided(ids);
  held_.erase(0, done);
  // Where nothing was decided, looking again only at twice the size keeps time linear.
  enough_ = done == 0 ? 2 * held_.size() : held_.size() + kLeast;
}

void StreamEncoder::finish(std::vector<std::int32_t>& ids) {
  encode_text(held_, ids);
  held_.clear();
  enough_ = kLeast;
}

void StreamEncoder::encode_text(std::string_view text, std::vector<std::int32_t>& ids) const {
  const auto more = tokenizer_.encode(text, options_);
  ids.insert(ids.end(), more.begin(), more.end());
}

std::size_t StreamEncoder::encode_decided(std::vector<std::int32_t>& ids) const {
  const Vocabulary& vocabulary = tokenizer_.vocabulary();
  std::size_t decided = 0;  // up to the end of the last special token that is certain
  std::size_t visible = held_.size();
  if (longest_special_ > 0) {
    // Where a special token begins so late, a longer one may still come to begin there.
    visible -= std::min(visible, longest_special_ - 1);
    SpecialFinder finder(vocabulary, held_);
    for (auto match = finder.next(0); match.begin < visible; match = finder.next(decided)) {
      decided = match.begin + vocabulary.bytes(match.id).size();
    }
  }
  if (decided < visible) {
    const auto rest = std::string_view(held_).substr(decided, visible - decided);
    decided += last_safe_cut(vocabulary.pattern(), rest);
  }
  encode_text(std::string_view(held_).substr(0, decided), ids);
  return decided;
}

}  // namespace gptc::tokenizer

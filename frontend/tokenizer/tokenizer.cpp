#include "frontend/tokenizer/tokenizer.h"

#include <utility>

#include "frontend/tokenizer/bpe.h"
#include "frontend/tokenizer/vocab_json.h"
#include "frontend/tokenizer/vocabulary.h"
#include "frontend/tokenizer/vocabulary_files.h"

namespace gptc::tokenizer {
namespace {

/// Finds special tokens in a text from left to right; where two start at one place, the longer.
class SpecialFinder {
 public:
  SpecialFinder(const Vocabulary& vocabulary, std::string_view text)
      : vocabulary_(vocabulary), text_(text) {
    for (const std::int32_t id : vocabulary.specials()) next_.push_back({id, find(id, 0)});
  }

  struct Match {
    std::int32_t id;
    std::size_t begin;  // npos: no special token any more
  };

  Match next(std::size_t from) {
    Match best{-1, std::string_view::npos};
    std::size_t best_length = 0;
    for (Match& candidate : next_) {
      if (candidate.begin < from) candidate.begin = find(candidate.id, from);
      if (candidate.begin == std::string_view::npos) continue;
      const std::size_t length = vocabulary_.bytes(candidate.id).size();
      if (candidate.begin < best.begin || (candidate.begin == best.begin && length > best_length)) {
        best = candidate;
        best_length = length;
      }
    }
    return best;
  }

 private:
  std::size_t find(std::int32_t id, std::size_t from) const {
    return text_.find(vocabulary_.bytes(id), from);
  }

  const Vocabulary& vocabulary_;
  std::string_view text_;
  std::vector<Match> next_;  // where each special token comes next
};

}  // namespace

Tokenizer::Tokenizer(std::shared_ptr<const Vocabulary> vocabulary)
    : vocabulary_(std::move(vocabulary)) {}

Tokenizer Tokenizer::load(const std::filesystem::path& directory) {
  return Tokenizer(load_vocabulary(directory));
}

Tokenizer Tokenizer::parse(std::string_view vocab_json, std::string_view merges_txt) {
  return Tokenizer(parse_vocabulary({"vocab.json", vocab_json}, {"merges.txt", merges_txt}));
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<std::int32_t> ids;
  if (options.special == SpecialTokens::as_text) {
    encode_ordinary(*vocabulary_, text, ids);
    return ids;
  }
  SpecialFinder finder(*vocabulary_, text);
  for (std::size_t at = 0;;) {
    const auto match = finder.next(at);
    encode_ordinary(*vocabulary_, text.substr(at, match.begin - at), ids);
    if (match.id < 0) return ids;
    ids.push_back(match.id);
    at = match.begin + vocabulary_->bytes(match.id).size();
  }
}

std::vector<std::vector<std::int32_t>> Tokenizer::encode_batch(
    std::span<const std::string_view> texts, int /*threads*/, EncodeOptions options) const {
  std::vector<std::vector<std::int32_t>> all;
  all.reserve(texts.size());
  for (const std::string_view text : texts) all.push_back(encode(text, options));
  return all;
}

std::vector<TokenSpan> Tokenizer::encode_with_offsets(std::string_view text,
                                                      EncodeOptions options) const {
  std::vector<TokenSpan> spans;
  std::size_t begin = 0;
  for (const std::int32_t id : encode(text, options)) {
    const std::size_t end = begin + vocabulary_->bytes(id).size();
    spans.push_back({id, begin, end});
    begin = end;
  }
  return spans;
}

std::size_t Tokenizer::count(std::string_view text, EncodeOptions options) const {
  return encode(text, options).size();
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids) const {
  std::string bytes;
  for (const std::int32_t id : ids) bytes += token_bytes(id);
  return bytes;
}

void Tokenizer::check_id(std::int32_t id) const {
  if (id < 0 || id >= vocab_size()) {
    throw Error("token id " + std::to_string(id) +
                " is not in the vocabulary, whose ids are 0 to " +
                std::to_string(vocab_size() - 1));
  }
}

std::string_view Tokenizer::token_bytes(std::int32_t id) const {
  check_id(id);
  return vocabulary_->bytes(id);
}

std::string Tokenizer::token_text(std::int32_t id) const {
  check_id(id);
  return vocabulary_->text(id);
}

Pattern Tokenizer::pattern() const { return vocabulary_->pattern(); }

std::int32_t Tokenizer::vocab_size() const { return vocabulary_->size(); }

std::optional<std::int32_t> Tokenizer::end_of_text() const {
  return vocabulary_->special(kEndOfText);
}

std::span<const std::int32_t> Tokenizer::special_tokens() const { return vocabulary_->specials(); }

std::int32_t Tokenizer::merge_count() const {
  return static_cast<std::int32_t>(vocabulary_->merges().size());
}

std::string Tokenizer::merge_text(std::int32_t rank) const {
  if (rank < 0 || rank >= merge_count()) {
    throw Error("merge " + std::to_string(rank) + " does not exist; there are " +
                std::to_string(merge_count()));
  }
  return merge_line(*vocabulary_, static_cast<std::size_t>(rank));
}

std::string Tokenizer::vocab_json() const { return tokenizer::vocab_json(*vocabulary_); }

std::string Tokenizer::merges_txt() const { return tokenizer::merges_txt(*vocabulary_); }

}  // namespace gptc::tokenizer

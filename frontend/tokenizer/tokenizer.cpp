#include "frontend/tokenizer/tokenizer.h"

#include <utility>

#include "frontend/tokenizer/encoder.h"
#include "frontend/tokenizer/vocab_json.h"
#include "frontend/tokenizer/vocabulary.h"
#include "frontend/tokenizer/vocabulary_files.h"

namespace gptc::tokenizer {
Tokenizer::Tokenizer(std::shared_ptr<const Vocabulary> vocabulary)
    : vocabulary_(std::move(vocabulary)), encoders_(std::make_shared<EncoderPool>(*vocabulary_)) {}

Tokenizer Tokenizer::load(const std::filesystem::path& path) {
  return Tokenizer(load_vocabulary(path));
}

Tokenizer Tokenizer::parse(std::string_view vocab_json, std::string_view merges_txt) {
  return Tokenizer(parse_vocabulary({"vocab.json", vocab_json}, {"merges.txt", merges_txt}));
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

void Tokenizer::forget() const { encoders_->clear(); }

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

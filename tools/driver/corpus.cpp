#include "tools/driver/corpus.h"

#include <algorithm>

#include "frontend/data/statistics.h"
#include "frontend/data/text_stream.h"
#include "frontend/tokenizer/vocabulary_files.h"
#include "ir/check.h"
#include "tools/driver/block_encoder.h"

namespace gptc::driver {
namespace {

void check_tokenizer(const data::TokenFile& file, const data::TokenHeader& header,
                     const tokenizer::Tokenizer& tokenizer) {
  const std::string ours = tokenizer::fingerprint(tokenizer);
  ir::user_check(header.tokenizer.empty() || header.tokenizer == ours,
                 "{}: its tokens are of another tokenizer: {} of {} tokens, but --tokenizer is {} "
                 "of {}; name the one it was encoded with, or encode again",
                 file.path(), header.tokenizer, header.vocab_size, ours, tokenizer.vocab_size());
}

/// Joins all tokens, an end-of-text token between documents.
class Collector final : public TokenSink {
 public:
  Collector(std::vector<std::int32_t>& tokens, std::optional<std::int32_t> end_of_text)
      : tokens_(tokens), end_of_text_(end_of_text) {}

  void begin_document() override {
    if (!tokens_.empty() && end_of_text_) tokens_.push_back(*end_of_text_);
  }
  void tokens(std::span<const std::int32_t> ids, std::uint64_t bytes) override {
    tokens_.insert(tokens_.end(), ids.begin(), ids.end());
    bytes_ += bytes;
  }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  std::vector<std::int32_t>& tokens_;
  std::optional<std::int32_t> end_of_text_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Corpus::Part Corpus::encode(const tokenizer::Tokenizer& tokenizer,
                            const std::vector<std::string>& paths) {
  data::TextStream text(paths);
  std::vector<std::int32_t>& tokens = encoded_.emplace_back();
  // Room that is not used costs nothing; a vector that grows holds its tokens twice meanwhile.
  tokens.reserve(static_cast<std::size_t>(text.total_bytes() / 2));
  Collector collector(tokens, tokenizer.end_of_text());
  BlockOptions blocks = {.encode = {.threads = 0}};
  blocks.block =
      static_cast<std::size_t>(std::min<std::uint64_t>(blocks.block, text.total_bytes() + 1));
  encode_blocks(tokenizer, text, collector, blocks);
  return {.tokens = tokens,
          .bytes = collector.bytes(),
          .unigram_entropy = data::unigram_entropy(tokens)};
}

Corpus::Part Corpus::map(const tokenizer::Tokenizer& tokenizer, const std::string& path) {
  const data::TokenFile& file = files_.emplace_back(path);
  Part part{.tokens = file.tokens(tokenizer.vocab_size())};
  if (const auto& header = file.header()) {
    check_tokenizer(file, *header, tokenizer);
    part.bytes = header->text_bytes;
    part.unigram_entropy = header->unigram_entropy;
  } else {
    notes_.push_back(fmt::format(
        "{}: no {} beside it, so it is read as nanoGPT writes: two bytes a token; that it is of "
        "this tokenizer cannot be checked",
        path, data::TokenFile::header_path(path)));
  }
  return part;
}

Corpus::Part Corpus::read(const tokenizer::Tokenizer& tokenizer,
                          const std::vector<std::string>& paths) {
  if (std::ranges::none_of(paths, data::is_token_file)) return encode(tokenizer, paths);
  ir::user_check(paths.size() == 1,
                 "data: a token file ({}) must be the only one, but there are {} arguments; encode "
                 "all text into one file (gptc tokenizer encode --out)",
                 *std::ranges::find_if(paths, data::is_token_file), paths.size());
  return map(tokenizer, paths[0]);
}

Corpus::Corpus(const tokenizer::Tokenizer& tokenizer, const CorpusOptions& options) {
  data_ = read(tokenizer, options.data);
  const bool separate = !options.validation_data.empty();
  split_ = data::split_tokens(data_.tokens,
                              {.validation_fraction = separate ? 0.0 : options.validation_fraction,
                               .context = options.context});
  if (!separate) return;
  validation_data_ = read(tokenizer, options.validation_data);
  split_.validation = data::split_tokens(validation_data_.tokens,
                                         {.validation_fraction = 0, .context = options.context})
                          .train;
}

std::int64_t Corpus::resident_bytes() const {
  std::size_t count = 0;
  for (const std::vector<std::int32_t>& tokens : encoded_) count += tokens.size();
  return static_cast<std::int64_t>(count * sizeof(std::int32_t));
}

}  // namespace gptc::driver

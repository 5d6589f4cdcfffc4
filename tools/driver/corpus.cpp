#include "tools/driver/corpus.h"

#include "frontend/data/statistics.h"
#include "frontend/data/text.h"

namespace gptc::driver {
namespace {

struct Encoded {
  std::vector<std::int32_t> tokens;
  std::size_t bytes = 0;
};

Encoded encode_files(const tokenizer::Tokenizer& tokenizer, const std::vector<std::string>& paths) {
  Encoded encoded;
  for (const data::TextDocument& document : data::read_text(paths)) {
    if (!encoded.tokens.empty() && tokenizer.end_of_text())
      encoded.tokens.push_back(*tokenizer.end_of_text());
    const std::vector<std::int32_t> ids = tokenizer.encode(document.text);
    encoded.tokens.insert(encoded.tokens.end(), ids.begin(), ids.end());
    encoded.bytes += document.text.size();
  }
  return encoded;
}

}  // namespace

Corpus::Corpus(const tokenizer::Tokenizer& tokenizer, const CorpusOptions& options) {
  Encoded text = encode_files(tokenizer, options.data);
  tokens_ = std::move(text.tokens);
  bytes_ = text.bytes;
  unigram_entropy_ = data::unigram_entropy(tokens_);
  const bool separate = !options.validation_data.empty();
  split_ = data::split_tokens(tokens_,
                              {.validation_fraction = separate ? 0.0 : options.validation_fraction,
                               .context = options.context});
  if (!separate) return;
  Encoded validation = encode_files(tokenizer, options.validation_data);
  validation_tokens_ = std::move(validation.tokens);
  bytes_ += validation.bytes;
  split_.validation =
      data::split_tokens(validation_tokens_, {.validation_fraction = 0, .context = options.context})
          .train;
}

}  // namespace gptc::driver

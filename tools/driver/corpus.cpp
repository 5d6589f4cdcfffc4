#include "tools/driver/corpus.h"

#include <algorithm>

#include "frontend/data/statistics.h"
#include "frontend/data/text.h"
#include "frontend/tokenizer/vocabulary_files.h"
#include "ir/check.h"

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

}  // namespace

Corpus::Part Corpus::encode(const tokenizer::Tokenizer& tokenizer,
                            const std::vector<std::string>& paths) {
  std::vector<std::int32_t>& tokens = encoded_.emplace_back();
  Part part;
  for (const data::TextDocument& document : data::read_text(paths)) {
    if (!tokens.empty() && tokenizer.end_of_text()) tokens.push_back(*tokenizer.end_of_text());
    const std::vector<std::int32_t> ids = tokenizer.encode(document.text, {.threads = 0});
    tokens.insert(tokens.end(), ids.begin(), ids.end());
    part.bytes += document.text.size();
  }
  part.tokens = tokens;
  part.unigram_entropy = data::unigram_entropy(tokens);
  return part;
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

}  // namespace gptc::driver

// Text as one stream of tokens, cut into a part for training and one for validation.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "frontend/data/token_split.h"
#include "frontend/tokenizer/tokenizer.h"

namespace gptc::driver {

struct CorpusOptions {
  std::vector<std::string> data;             // files, folders, patterns
  std::vector<std::string> validation_data;  // empty: the end of `data`
  double validation_fraction = 0.1;          // of `data`, where there is no validation_data
  std::int64_t context = 1;                  // positions of a window
};

class Corpus {
 public:
  /// Reads and encodes; an end-of-text token stands between documents. data::Error for files that
  /// cannot be used or text shorter than a window.
  Corpus(const tokenizer::Tokenizer& tokenizer, const CorpusOptions& options);

  [[nodiscard]] std::span<const std::int32_t> train() const { return split_.train; }
  /// Empty if there is none.
  [[nodiscard]] std::span<const std::int32_t> validation() const { return split_.validation; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t tokens() const { return tokens_.size() + validation_tokens_.size(); }
  /// Of all of `data`, in nats per token.
  [[nodiscard]] double unigram_entropy() const { return unigram_entropy_; }

 private:
  std::vector<std::int32_t> tokens_;
  std::vector<std::int32_t> validation_tokens_;
  data::TokenSplit split_;
  std::size_t bytes_ = 0;
  double unigram_entropy_ = 0;
};

}  // namespace gptc::driver

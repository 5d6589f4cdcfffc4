// What a run trains and validates on: text, encoded at once, or token files, mapped.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "frontend/data/token_file.h"
#include "frontend/data/token_split.h"
#include "frontend/tokenizer/tokenizer.h"

namespace gptc::driver {

struct CorpusOptions {
  std::vector<std::string> data;             // texts (files, folders, patterns), or one token file
  std::vector<std::string> validation_data;  // the same; empty: the end of `data`
  double validation_fraction = 0.1;          // of `data`, where there is no validation_data
  std::int64_t context = 1;                  // positions of a window
};

class Corpus {
 public:
  /// Reads and encodes texts, an end-of-text token between documents; or maps token files (names
  /// that end in .bin). data::Error for files that cannot be used or data shorter than a window;
  /// UserError if a token file was written with another tokenizer.
  Corpus(const tokenizer::Tokenizer& tokenizer, const CorpusOptions& options);

  [[nodiscard]] const data::TokenView& train() const { return split_.train; }
  /// Empty if there is none.
  [[nodiscard]] const data::TokenView& validation() const { return split_.validation; }
  /// Of text; 0 if a token file does not say.
  [[nodiscard]] std::uint64_t bytes() const { return data_.bytes + validation_data_.bytes; }
  [[nodiscard]] std::uint64_t tokens() const {
    return data_.tokens.size() + validation_data_.tokens.size();
  }
  /// Of encoded text; files are mapped.
  [[nodiscard]] std::int64_t resident_bytes() const;
  /// Of all of `data`, in nats per token; nothing if a token file does not say.
  [[nodiscard]] std::optional<double> unigram_entropy() const { return data_.unigram_entropy; }
  /// What a person should know of the data, a line each.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  struct Part {
    data::TokenView tokens;
    std::uint64_t bytes = 0;
    std::optional<double> unigram_entropy;
  };
  Part read(const tokenizer::Tokenizer& tokenizer, const std::vector<std::string>& paths);
  Part encode(const tokenizer::Tokenizer& tokenizer, const std::vector<std::string>& paths);
  Part map(const tokenizer::Tokenizer& tokenizer, const std::string& path);

  std::deque<std::vector<std::int32_t>> encoded_;  // what the views show
  std::deque<data::TokenFile> files_;
  Part data_;
  Part validation_data_;
  data::TokenSplit split_;
  std::vector<std::string> notes_;
};

}  // namespace gptc::driver

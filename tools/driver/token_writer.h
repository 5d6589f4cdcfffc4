// Text files to token files for training.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "frontend/data/token_header.h"
#include "frontend/formats/atomic_file.h"
#include "frontend/tokenizer/tokenizer.h"

namespace gptc::driver {

/// A token file and its header, which appear whole or not at all, the header last.
class TokenWriter {
 public:
  TokenWriter(std::string path, const tokenizer::Tokenizer& tokenizer);

  void append(std::span<const std::int32_t> ids, std::uint64_t text_bytes);
  /// UserError if nothing was appended.
  void check_not_empty() const;
  void commit();

  [[nodiscard]] const data::TokenHeader& header() const { return header_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  data::TokenHeader header_;
  formats::AtomicFile file_;
  std::vector<std::uint64_t> counts_;  // how often each id occurs
  std::string stored_;                 // ids as the file has them
};

struct TokenFilesOptions {
  std::vector<std::string> in;       // files, folders, patterns
  std::string out;                   // of training
  std::string validation_out;        // "": none
  double validation_fraction = 0.1;  // of the bytes, taken from the end
  tokenizer::EncodeOptions encode = {};
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  // bytes
  std::function<bool()> stop;                                             // asked between blocks
};

struct TokenFilesReport {
  bool stopped = false;  // nothing was written
  data::TokenHeader train;
  data::TokenHeader validation;
};

/// Encodes; an end-of-text token stands between documents, where the vocabulary has one. UserError
/// and the leaves' errors.
TokenFilesReport write_token_files(const tokenizer::Tokenizer& tokenizer,
                                   const TokenFilesOptions& options);

}  // namespace gptc::driver

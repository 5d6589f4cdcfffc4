#include "tools/driver/token_writer.h"

#include <cstring>
#include <memory>

#include "frontend/data/statistics.h"
#include "frontend/data/token_file.h"
#include "frontend/tokenizer/vocabulary_files.h"
#include "ir/check.h"
#include "tools/driver/block_encoder.h"

namespace gptc::driver {
namespace {

template <class Stored>
void store(std::span<const std::int32_t> ids, std::string& out) {
  out.resize(ids.size() * sizeof(Stored));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto stored = static_cast<Stored>(ids[i]);
    std::memcpy(out.data() + i * sizeof stored, &stored, sizeof stored);
  }
}

struct Stopped {};

/// Puts what comes into the file of training and, behind the cut, into that of validation.
class FileSink : public TokenSink {
 public:
  FileSink(const tokenizer::Tokenizer& tokenizer, const TokenFilesOptions& options,
           std::uint64_t total)
      : options_(options),
        total_(total),
        end_of_text_(tokenizer.end_of_text()),
        train_(options.out, tokenizer) {
    if (!options.validation_out.empty())
      validation_ = std::make_unique<TokenWriter>(options.validation_out, tokenizer);
  }

  void begin_document() override { between_ = begun_; }

  void tokens(std::span<const std::int32_t> ids, std::uint64_t bytes) override {
    if (options_.stop && options_.stop()) throw Stopped{};
    if (between_ && end_of_text_) current_->append({&*end_of_text_, 1}, 0);
    between_ = false;
    begun_ = true;
    current_->append(ids, bytes);
    done_ += bytes;
    if (options_.progress) options_.progress(done_, total_);
  }

  void cut() override {
    if (!validation_) return;
    current_ = validation_.get();
    begun_ = false;
    between_ = false;
  }

  TokenFilesReport commit() {
    train_.check_not_empty();
    if (validation_) validation_->check_not_empty();
    train_.commit();
    if (!validation_) return {.train = train_.header()};
    validation_->commit();
    return {.train = train_.header(), .validation = validation_->header()};
  }

 private:
  const TokenFilesOptions& options_;
  std::uint64_t total_;
  std::optional<std::int32_t> end_of_text_;
  TokenWriter train_;
  std::unique_ptr<TokenWriter> validation_;
  TokenWriter* current_ = &train_;
  bool begun_ = false;    // the file has tokens
  bool between_ = false;  // a document ended
  std::uint64_t done_ = 0;
};

void check(const TokenFilesOptions& options) {
  const double fraction = options.validation_fraction;
  ir::user_check(fraction > 0 && fraction < 1,
                 "--val-fraction: it must be above 0 and below 1, but is {}", fraction);
  for (const std::string& path : {options.out, options.validation_out})
    ir::user_check(path.empty() || data::is_token_file(path),
                   "{}: a token file's name must end in .bin, so that gptc train knows it", path);
  ir::user_check(options.out != options.validation_out,
                 "--val-out: it must be another file than --out, but both are {}", options.out);
}

}  // namespace

TokenWriter::TokenWriter(std::string path, const tokenizer::Tokenizer& tokenizer)
    : path_(std::move(path)),
      header_{.width = data::width_for(tokenizer.vocab_size()),
              .vocab_size = tokenizer.vocab_size(),
              .tokenizer = tokenizer::fingerprint(tokenizer),
              .end_of_text = tokenizer.end_of_text()},
      file_(path_),
      counts_(static_cast<std::size_t>(tokenizer.vocab_size())) {}

void TokenWriter::append(std::span<const std::int32_t> ids, std::uint64_t text_bytes) {
  for (const std::int32_t id : ids) ++counts_[static_cast<std::size_t>(id)];
  if (header_.width == data::TokenWidth::u16) {
    store<std::uint16_t>(ids, stored_);
  } else {
    store<std::uint32_t>(ids, stored_);
  }
  file_.append(std::string_view(stored_));
  header_.tokens += ids.size();
  header_.text_bytes += text_bytes;
}

void TokenWriter::check_not_empty() const {
  ir::user_check(header_.tokens > 0, "{}: no text is left for it; give more text", path_);
}

void TokenWriter::commit() {
  header_.unigram_entropy = data::unigram_entropy_of_counts(counts_);
  file_.commit();
  formats::write_file_atomically(data::TokenFile::header_path(path_), data::header_text(header_));
}

TokenFilesReport write_token_files(const tokenizer::Tokenizer& tokenizer,
                                   const TokenFilesOptions& options) {
  check(options);
  data::TextStream text(options.in);
  BlockOptions blocks{.encode = options.encode};
  if (!options.validation_out.empty()) {
    ir::user_check(text.total_bytes() > 0, "--val-out: the size of stdin is not known; name files");
    const auto total = static_cast<double>(text.total_bytes());
    blocks.cut_at =
        text.total_bytes() - static_cast<std::uint64_t>(total * options.validation_fraction);
  }
  FileSink sink(tokenizer, options, text.total_bytes());
  try {
    encode_blocks(tokenizer, text, sink, blocks);
  } catch (const Stopped&) {
    return {.stopped = true};
  }
  return sink.commit();
}

}  // namespace gptc::driver

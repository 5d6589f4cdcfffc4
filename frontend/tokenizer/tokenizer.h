#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/error.h"
#include "frontend/tokenizer/pattern.h"

namespace gptc::tokenizer {

class EncoderPool;
class Vocabulary;
struct LearnOptions;  // learner.h

/// The text of the token that ends a document.
inline constexpr std::string_view kEndOfText = "<|endoftext|>";

/// What `<|endoftext|>` and other special tokens are where they stand in a text. `as_text` is the
/// right choice for text from outside: there it is spelled with ordinary tokens.
enum class SpecialTokens : std::uint8_t { as_text, recognised };

struct EncodeOptions {
  SpecialTokens special = SpecialTokens::as_text;
  int threads = 1;  ///< that share the work; 0: as many as the machine has
};

/// A token and the bytes of the text it stands for.
struct TokenSpan {
  std::int32_t id;
  std::size_t begin;
  std::size_t end;
};

/// GPT-2's byte-level BPE: text to token ids and back (Radford et al. 2019).
///
/// Any byte sequence can be encoded, and decode(encode(x)) == x. Ids are those of OpenAI's encoder,
/// tiktoken and Hugging Face tokenizers. Immutable, cheap to copy, safe to use from many threads.
///
///     const auto tokenizer = Tokenizer::load("data/gpt2");
///     const std::vector<std::int32_t> ids = tokenizer.encode("Hello, world!");  // 15496 11 995 0
class Tokenizer {
 public:
  /// For vocabularies from elsewhere (vocabulary_files.h, learner.h). Not null.
  explicit Tokenizer(std::shared_ptr<const Vocabulary> vocabulary);

  /// Reads a vocabulary from a folder or one of its files: tokenizer.json, vocab.json with
  /// merges.txt, encoder.json with vocab.bpe, or NAME.tiktoken (see vocabulary_files.h). Throws
  /// Error that names the file and the line or byte where something is wrong with them.
  static Tokenizer load(const std::filesystem::path& path);

  /// The same from the contents of vocab.json and merges.txt.
  static Tokenizer parse(std::string_view vocab_json, std::string_view merges_txt);

  /// Learns from documents in memory; see Learner, whose rule, layout of ids and errors it has.
  static Tokenizer learn(std::span<const std::string_view> documents, const LearnOptions& options);

  std::vector<std::int32_t> encode(std::string_view text, EncodeOptions options = {}) const;

  /// Each text's tokens. The threads take whole texts.
  std::vector<std::vector<std::int32_t>> encode_batch(std::span<const std::string_view> texts,
                                                      EncodeOptions options = {}) const;

  /// The tokens with the bytes each stands for; the spans follow each other without gaps.
  std::vector<TokenSpan> encode_with_offsets(std::string_view text,
                                             EncodeOptions options = {}) const;

  /// How many tokens encode() would give, without storing them.
  std::size_t count(std::string_view text, EncodeOptions options = {}) const;

  /// Frees what encoding remembers of earlier texts, about 6 MiB for each thread that took part;
  /// the next call builds it anew.
  void forget() const;

  /// The tokens' bytes, joined; not always valid UTF-8 (see StreamDecoder, replace_invalid_utf8).
  /// Throws Error for an id outside 0 to vocab_size()-1.
  std::string decode(std::span<const std::int32_t> ids) const;

  /// The same, appended to `bytes`, which is left as it is if this throws.
  void decode_into(std::span<const std::int32_t> ids, std::string& bytes) const;

  /// decode() of each, with `threads` threads (0: as many as the machine has).
  std::vector<std::string> decode_batch(std::span<const std::vector<std::int32_t>> batch,
                                        int threads = 1) const;

  /// The bytes of one token, valid as long as this tokenizer or a copy of it. Throws like decode.
  std::string_view token_bytes(std::int32_t id) const;

  /// The token as vocab.json writes it: printable characters for bytes, a special token's own text.
  std::string token_text(std::int32_t id) const;

  Pattern pattern() const;
  std::int32_t vocab_size() const;
  std::optional<std::int32_t> end_of_text() const;
  std::span<const std::int32_t> special_tokens() const;  ///< ascending

  /// Merge `rank` (0 is the first to be applied) as merges.txt writes it, "left right".
  std::int32_t merge_count() const;
  std::string merge_text(std::int32_t rank) const;

  /// The tokens and merges themselves, for writers of files.
  const Vocabulary& vocabulary() const { return *vocabulary_; }

  /// The contents of vocab.json and merges.txt, which other programs know; vocabulary_files()
  /// writes the other formats.
  std::string vocab_json() const;
  std::string merges_txt() const;

 private:
  void check_id(std::int32_t id) const;
  std::shared_ptr<const Vocabulary> vocabulary_;
  std::shared_ptr<EncoderPool> encoders_;
};

/// Turns text into tokens as it comes, in chunks of any size: all tokens joined are encode() of all
/// chunks joined. Holds back a few kilobytes at most, or as much as one piece that does not end;
/// and so with the pattern `none` everything until finish().
///
///     StreamEncoder stream(tokenizer);
///     while (read(chunk)) stream.push(chunk, ids);
///     stream.finish(ids);
class StreamEncoder {
 public:
  explicit StreamEncoder(Tokenizer tokenizer, EncodeOptions options = {});

  /// Appends the tokens that are certain whatever follows to `ids`.
  void push(std::string_view chunk, std::vector<std::int32_t>& ids);

  /// The end of the text: appends what was held back. A new text may follow.
  void finish(std::vector<std::int32_t>& ids);

  std::size_t held_bytes() const { return held_.size(); }

 private:
  void encode_text(std::string_view text, std::vector<std::int32_t>& ids) const;
  std::size_t encode_decided(std::vector<std::int32_t>& ids) const;

  Tokenizer tokenizer_;
  EncodeOptions options_;
  std::size_t longest_special_ = 0;  // bytes; 0 if none are recognised
  std::string held_;
  std::size_t enough_;  // bytes held that are worth looking at
};

/// Turns tokens into text as they come, holding back the bytes of a character that is not complete.
/// Everything given out is valid UTF-8, and all of it joined is replace_invalid_utf8(decode(ids)).
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {}

  /// The text that this token completes, perhaps empty. Throws Error for an unknown id.
  std::string push(std::int32_t id);

  /// The end of the stream: U+FFFD if bytes are left over.
  std::string finish();

 private:
  Tokenizer tokenizer_;
  std::string held_;
};

/// `bytes` with every longest invalid part replaced by U+FFFD (The Unicode Standard, section 3.9).
std::string replace_invalid_utf8(std::string_view bytes);

}  // namespace gptc::tokenizer

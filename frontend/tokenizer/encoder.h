#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "frontend/tokenizer/lookup_steps.h"
#include "frontend/tokenizer/merger.h"
#include "frontend/tokenizer/piece_cache.h"
#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {

/// Takes tokens as they come.
class IdSink {
 public:
  virtual ~IdSink() = default;
  virtual void take(std::span<const std::int32_t> ids) = 0;
  /// About so many tokens more will come.
  virtual void expect(std::size_t /*count*/) {}
};

/// Encodes ordinary text, without special tokens; remembers pieces from text to text in caches of
/// fixed size, about 7 MiB. For one thread at a time; the vocabulary must outlive it.
class Encoder {
 public:
  /// `steps` are for tests.
  explicit Encoder(const Vocabulary& vocabulary, const LookupSteps& steps = LookupSteps::fastest());

  /// Gives the tokens of `text` to `sink`.
  void encode(std::string_view text, IdSink& sink);

 private:
  void encode_pieces(std::string_view text, std::size_t begin, std::span<const std::size_t> ends);
  void encode_slow(std::string_view piece);
  bool write_remembered(std::string_view piece);
  void remember(std::string_view piece, std::span<const std::int32_t> ids);
  void encode_segments(std::string_view piece);
  void encode_segment(std::string_view segment);
  void encode_unknown(std::string_view piece);
  void make_room(std::size_t count);
  void emit(std::span<const std::int32_t> ids);
  void flush();

  static constexpr std::size_t kPieces = 2048;  // found at a time
  static constexpr std::size_t kRoom = kPieces * PieceCache::kTokens;

  using MiddlePieces = LongPieceCache<64, 15>;
  using LongPieces = LongPieceCache<256, 12>;
  static constexpr std::size_t kRemembered = 192;  // bytes of a piece, at most

  friend struct StagedLookup;  // staged_lookup.h

  const Vocabulary* vocabulary_;
  LookupSteps steps_;
  PieceCache short_pieces_;
  MiddlePieces middle_pieces_;
  LongPieces long_pieces_;
  Merger merger_;
  std::vector<std::int32_t> merged_;
  std::array<std::size_t, kPieces> ends_{};
  // Tokens on their way to the sink; before each batch of pieces there is room for kRoom.
  std::array<std::int32_t, 4 * kRoom> ids_{};
  std::int32_t* out_ = ids_.data();
  IdSink* sink_ = nullptr;
};

/// Encoders of one vocabulary that wait to be used again, as many as threads ever encoded at once.
/// A thread gets the one it used last, if that waits: what it remembers lies near that processor.
class EncoderPool {
 public:
  explicit EncoderPool(const Vocabulary& vocabulary) : vocabulary_(&vocabulary) {}

  /// Drops those that wait.
  void clear();

  /// An encoder for as long as this lives.
  class Lease {
   public:
    explicit Lease(EncoderPool& pool) : pool_(&pool), encoder_(pool.take()) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { pool_->give_back(std::move(encoder_)); }
    Encoder& operator*() const { return *encoder_; }
    Encoder* operator->() const { return encoder_.get(); }

   private:
    EncoderPool* pool_;
    std::unique_ptr<Encoder> encoder_;
  };

 private:
  std::unique_ptr<Encoder> take();
  void give_back(std::unique_ptr<Encoder> encoder);

  const Vocabulary* vocabulary_;
  struct Idle {
    std::thread::id last_used_by;
    std::unique_ptr<Encoder> encoder;
  };
  std::mutex mutex_;
  std::vector<Idle> idle_;
};

}  // namespace gptc::tokenizer

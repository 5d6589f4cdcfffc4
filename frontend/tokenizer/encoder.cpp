#include "frontend/tokenizer/encoder.h"

#include <algorithm>
#include <utility>

#include "frontend/tokenizer/piece_scanner.h"

namespace gptc::tokenizer {
namespace {

// Pieces looked up at a time, so that memory answers in parallel.
constexpr std::size_t kStaged = 16;

}  // namespace

Encoder::Encoder(const Vocabulary& vocabulary) : vocabulary_(&vocabulary), merger_(vocabulary) {}

void Encoder::encode(std::string_view text, IdSink& sink) {
  sink_ = &sink;
  out_ = ids_.data();
  PieceScanner scanner(text, *vocabulary_);
  std::size_t begin = 0;
  bool told = false;
  for (std::size_t count; (count = scanner.next(ends_)) > 0;) {
    encode_pieces(text, begin, std::span(ends_).first(count));
    begin = ends_[count - 1];
    if (static_cast<std::size_t>(ids_.data() + ids_.size() - out_) >= 2 * kRoom) continue;
    if (!told) {
      const auto per_byte = static_cast<double>(out_ - ids_.data()) / static_cast<double>(begin);
      const double whole = per_byte * static_cast<double>(text.size());
      sink.expect(static_cast<std::size_t>(1.1 * whole) + kRoom);
      told = true;
    }
    flush();
  }
  flush();
}

/// Encodes `count` pieces, at most kStaged, from `begin` on; returns where the last one ends. Loops
/// whose end is known where this is inlined, and few, are never guessed wrong.
inline std::size_t Encoder::encode_staged(std::string_view text, std::size_t begin,
                                          const std::size_t* ends, std::size_t count) {
  struct alignas(32) Staged {
    PieceKey key;
    const PieceCache::Entry* entry;
  };
  Staged staged[kStaged];
  std::size_t at = begin;
#pragma GCC unroll 8
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t end = ends[i];
    const PieceKey key = PieceKey::load(text.data() + at, end - at);
    staged[i] = {key, short_pieces_.first_place(key)};
    at = end;
  }
  std::int32_t* out = out_;
#pragma GCC unroll 8
  for (std::size_t i = 0; i < count; ++i) {
    const auto* entry = staged[i].entry;
    if (!(entry->key == staged[i].key)) [[unlikely]] {
      const std::size_t from = i == 0 ? begin : ends[i - 1];
      const std::size_t size = ends[i] - from;
      entry = size <= PieceKey::kLongest ? short_pieces_.find(staged[i].key) : nullptr;
      if (entry == nullptr) {
        out_ = out;
        encode_slow(text.substr(from, size));
        out = out_;
        continue;
      }
    }
    entry->write(out);
    out += entry->count();
  }
  out_ = out;
  return at;
}

void Encoder::encode_pieces(std::string_view text, std::size_t begin,
                            std::span<const std::size_t> ends) {
  const auto begin_of = [&](std::size_t i) { return i == 0 ? begin : ends[i - 1]; };
  // A key reads 16 bytes from where its piece begins; the text's last pieces go without.
  std::size_t quick = ends.size();
  while (quick > 0 && text.size() - begin_of(quick - 1) < sizeof(PieceKey)) --quick;
  std::size_t done = 0;
  for (; done + kStaged <= quick; done += kStaged) {
    begin = encode_staged(text, begin, ends.data() + done, kStaged);
  }
  encode_staged(text, begin, ends.data() + done, quick - done);
  for (std::size_t i = quick; i < ends.size(); ++i) {
    const std::string_view piece = text.substr(begin_of(i), ends[i] - begin_of(i));
    piece.size() <= PieceKey::kLongest ? encode_segment(piece) : encode_slow(piece);
  }
}

void Encoder::encode_slow(std::string_view piece) {
  if (piece.size() <= LongPieceCache::kBytes) return encode_unknown(piece);
  if (const auto id = vocabulary_->whole(piece)) return emit({&*id, 1});
  encode_segments(piece);
}

/// Cuts a long piece wherever no merge crosses.
void Encoder::encode_segments(std::string_view piece) {
  std::size_t begin = 0;
  for (std::size_t at = 1; at < piece.size(); ++at) {
    if (vocabulary_->joins(piece[at - 1], piece[at])) continue;
    encode_segment(piece.substr(begin, at - begin));
    begin = at;
  }
  encode_segment(piece.substr(begin));
}

void Encoder::encode_segment(std::string_view segment) {
  if (segment.size() <= PieceKey::kLongest) {
    const PieceKey key = PieceKey::load_exactly(segment.data(), segment.size());
    if (const auto* entry = short_pieces_.find(key)) {
      std::int32_t ids[PieceCache::kTokens];
      entry->write(ids);
      return emit({ids, entry->count()});
    }
  }
  if (segment.size() <= LongPieceCache::kBytes) return encode_unknown(segment);
  merged_.clear();
  merger_.merge(segment, merged_);
  emit(merged_);
}

/// What the cache of short pieces does not know, of at most LongPieceCache::kBytes.
void Encoder::encode_unknown(std::string_view piece) {
  auto& entry = long_pieces_.entry_of(piece);
  if (LongPieceCache::holds(entry, piece)) {
    make_room(LongPieceCache::kTokens);
    entry.write(out_);
    out_ += entry.count;
    return;
  }
  std::int32_t ids[LongPieceCache::kBytes];
  std::size_t count = 1;
  if (const auto id = vocabulary_->whole(piece)) {
    ids[0] = *id;
  } else {
    count = merger_.merge_short(piece, ids);
  }
  if (piece.size() <= PieceKey::kLongest && count <= PieceCache::kTokens) {
    short_pieces_.add(PieceKey::load_exactly(piece.data(), piece.size()), {ids, count});
  } else {
    LongPieceCache::set(entry, piece, {ids, count});
  }
  emit({ids, count});
}

/// So many tokens may be written, and still those of a batch of pieces.
void Encoder::make_room(std::size_t count) {
  if (static_cast<std::size_t>(ids_.data() + ids_.size() - out_) < count + kRoom) flush();
}

void Encoder::emit(std::span<const std::int32_t> ids) {
  make_room(ids.size());
  if (ids.size() > kRoom) return sink_->take(ids);
  out_ = std::copy(ids.begin(), ids.end(), out_);
}

void Encoder::flush() {
  if (out_ != ids_.data()) sink_->take({ids_.data(), out_});
  out_ = ids_.data();
}

std::unique_ptr<Encoder> EncoderPool::take() {
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      auto encoder = std::move(idle_.back());
      idle_.pop_back();
      return encoder;
    }
  }
  return std::make_unique<Encoder>(*vocabulary_);
}

void EncoderPool::give_back(std::unique_ptr<Encoder> encoder) {
  const std::scoped_lock lock(mutex_);
  idle_.push_back(std::move(encoder));
}

void EncoderPool::clear() {
  const std::scoped_lock lock(mutex_);
  idle_.clear();
}

}  // namespace gptc::tokenizer

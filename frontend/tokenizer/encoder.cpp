#include "frontend/tokenizer/encoder.h"

#include <algorithm>
#include <utility>

#include "frontend/tokenizer/piece_scanner.h"

namespace gptc::tokenizer {

Encoder::Encoder(const Vocabulary& vocabulary, const LookupSteps& steps)
    : vocabulary_(&vocabulary), steps_(steps), merger_(vocabulary) {}

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

void Encoder::encode_pieces(std::string_view text, std::size_t begin,
                            std::span<const std::size_t> ends) {
  const auto begin_of = [&](std::size_t i) { return i == 0 ? begin : ends[i - 1]; };
  // A key reads 16 bytes from where its piece begins; the text's last pieces go without.
  std::size_t quick = ends.size();
  while (quick > 0 && text.size() - begin_of(quick - 1) < sizeof(PieceKey)) --quick;
  for (std::size_t done = 0; done < quick; done += LookupSteps::kStaged) {
    const std::size_t count = std::min(LookupSteps::kStaged, quick - done);
    begin = steps_.encode(*this, text, begin, ends.data() + done, count);
  }
  for (std::size_t i = quick; i < ends.size(); ++i) {
    const std::string_view piece = text.substr(begin_of(i), ends[i] - begin_of(i));
    piece.size() <= PieceKey::kLongest ? encode_segment(piece) : encode_slow(piece);
  }
}

void Encoder::encode_slow(std::string_view piece) {
  if (piece.size() <= Merger::kShort) return encode_unknown(piece);
  if (write_remembered(piece)) return;
  if (const auto id = vocabulary_->whole(piece)) return emit({&*id, 1});
  if (piece.size() > kRemembered) return encode_segments(piece);
  make_room(kRemembered + LongPieces::kTokens);  // no flush takes the tokens away
  const std::int32_t* const first = out_;
  encode_segments(piece);
  remember(piece, {first, out_});
}

bool Encoder::write_remembered(std::string_view piece) {
  const auto write = [&](const auto* entry) {
    if (entry == nullptr) return false;
    make_room(LongPieces::kTokens);
    entry->write(out_);
    out_ += entry->count;
    return true;
  };
  return write(middle_pieces_.find(piece)) || write(long_pieces_.find(piece));
}

void Encoder::remember(std::string_view piece, std::span<const std::int32_t> ids) {
  if (MiddlePieces::has_room(piece.size(), ids.size())) {
    middle_pieces_.add(piece, ids);
  } else if (LongPieces::has_room(piece.size(), ids.size())) {
    long_pieces_.add(piece, ids);
  }
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
    const auto* entry = short_pieces_.find(key, steps_.hash(key));
    if (entry != nullptr && entry->count() > 0) {
      std::int32_t ids[PieceCache::kTokens];
      entry->write(ids);
      return emit({ids, entry->count()});
    }
  }
  if (segment.size() <= Merger::kShort) return encode_unknown(segment);
  merged_.clear();
  merger_.merge(segment, merged_);
  emit(merged_);
}

/// What the cache of short pieces does not know, of at most Merger::kShort bytes.
void Encoder::encode_unknown(std::string_view piece) {
  if (write_remembered(piece)) return;
  std::int32_t ids[Merger::kShort];
  std::size_t count = 1;
  if (const auto id = vocabulary_->whole(piece)) {
    ids[0] = *id;
  } else {
    count = merger_.merge_short(piece, ids);
  }
  const bool is_short = piece.size() <= PieceKey::kLongest;
  if (is_short) {
    const PieceKey key = PieceKey::load_exactly(piece.data(), piece.size());
    short_pieces_.add(key, steps_.hash(key), {ids, count});
  }
  if (!is_short || count > PieceCache::kTokens) remember(piece, {ids, count});
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
      auto own = std::ranges::find(idle_, std::this_thread::get_id(), &Idle::last_used_by);
      if (own == idle_.end()) --own;
      auto encoder = std::move(own->encoder);
      idle_.erase(own);
      return encoder;
    }
  }
  return std::make_unique<Encoder>(*vocabulary_);
}

void EncoderPool::give_back(std::unique_ptr<Encoder> encoder) {
  const std::scoped_lock lock(mutex_);
  idle_.push_back({std::this_thread::get_id(), std::move(encoder)});
}

void EncoderPool::clear() {
  const std::scoped_lock lock(mutex_);
  idle_.clear();
}

}  // namespace gptc::tokenizer

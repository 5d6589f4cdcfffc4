#include "frontend/tokenizer/encoder.h"

#include <algorithm>
#include <utility>

#include "frontend/tokenizer/piece_scanner.h"

namespace gptc::tokenizer {
namespace {

constexpr std::size_t kStaged =
    32;  // pieces looked up at a time, so that memory answers in parallel

}  // namespace

Encoder::Encoder(const Vocabulary& vocabulary) : vocabulary_(&vocabulary), merger_(vocabulary) {}

void Encoder::encode(std::string_view text, IdSink& sink) {
  sink_ = &sink;
  out_ = ids_.data();
  PieceScanner scanner(text, *vocabulary_);
  std::size_t begin = 0;
  for (std::size_t count; (count = scanner.next(ends_)) > 0;) {
    encode_pieces(text, begin, std::span(ends_).first(count));
    begin = ends_[count - 1];
    if (static_cast<std::size_t>(ids_.data() + ids_.size() - out_) < 2 * kRoom) flush();
  }
  flush();
}

void Encoder::encode_pieces(std::string_view text, std::size_t begin,
                            std::span<const std::size_t> ends) {
  // A key reads 16 bytes from where its piece begins.
  const std::size_t readable =
      text.size() < sizeof(PieceKey) ? 0 : text.size() - sizeof(PieceKey) + 1;
  struct Staged {
    PieceKey key;
    std::size_t line;
    std::string_view piece;
  };
  std::array<Staged, kStaged> staged;
  std::int32_t* out = out_;
  for (std::size_t first = 0; first < ends.size(); first += kStaged) {
    const std::size_t count = std::min(kStaged, ends.size() - first);
    for (std::size_t i = 0; i < count; ++i) {
      Staged& next = staged[i];
      next.piece = {text.data() + begin, ends[first + i] - begin};
      const bool loads = begin < readable && next.piece.size() <= PieceKey::kLongest;
      begin = ends[first + i];
      next.key = loads ? PieceKey::load(next.piece.data(), next.piece.size()) : PieceKey::none();
      next.line = short_pieces_.line_of(next.key);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const auto* entry = short_pieces_.find(staged[i].key, staged[i].line);
      if (entry != nullptr) [[likely]] {
        entry->write(out);
        out += entry->count();
      } else {
        out_ = out;
        encode_slow(staged[i].piece);
        out = out_;
      }
    }
  }
  out_ = out;
}

void Encoder::encode_slow(std::string_view piece) {
  if (piece.size() <= LongPieceCache::kBytes) return encode_segment(piece);
  if (const auto id = vocabulary_->whole(piece)) return emit({&*id, 1});
  encode_segments(piece);
}

/// Cuts a long piece wherever no merge crosses.
void Encoder::encode_segments(std::string_view piece) {
  std::size_t begin = 0;
  for (std::size_t at = 1; at < piece.size(); ++at) {
    if (vocabulary_->joins(static_cast<unsigned char>(piece[at - 1]),
                           static_cast<unsigned char>(piece[at]))) {
      continue;
    }
    encode_segment(piece.substr(begin, at - begin));
    begin = at;
  }
  encode_segment(piece.substr(begin));
}

void Encoder::encode_segment(std::string_view segment) {
  PieceKey key;
  if (segment.size() <= PieceKey::kLongest) {
    key = PieceKey::load_exactly(segment.data(), segment.size());
    if (const auto* entry = short_pieces_.find(key)) {
      std::int32_t ids[PieceCache::kTokens];
      entry->write(ids);
      return emit({ids, entry->count()});
    }
  }
  if (segment.size() > LongPieceCache::kBytes) {
    merged_.clear();
    merger_.merge(segment, merged_);
    return emit(merged_);
  }
  auto& entry = long_pieces_.entry_of(segment);
  if (LongPieceCache::holds(entry, segment)) return emit({entry.tokens, entry.count});
  std::int32_t ids[LongPieceCache::kBytes];
  std::size_t count = 1;
  if (const auto id = vocabulary_->whole(segment)) {
    ids[0] = *id;
  } else {
    count = merger_.merge_short(segment, ids);
  }
  if (segment.size() <= PieceKey::kLongest && count <= PieceCache::kTokens) {
    short_pieces_.add(key, {ids, count});
  } else {
    LongPieceCache::set(entry, segment, {ids, count});
  }
  emit({ids, count});
}

void Encoder::emit(std::span<const std::int32_t> ids) {
  // What the pieces found with this one may write without asking stays free.
  const auto room = static_cast<std::size_t>(ids_.data() + ids_.size() - out_);
  if (ids.size() + kRoom > room) flush();
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

}  // namespace gptc::tokenizer

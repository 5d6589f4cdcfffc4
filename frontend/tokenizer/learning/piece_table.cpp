#include "frontend/tokenizer/learning/piece_table.h"

#include <algorithm>
#include <array>
#include <bit>

namespace gptc::tokenizer {
namespace {

constexpr std::size_t kFirstSlots = 4096;

std::uint64_t count_of(const std::uint32_t* record) {
  return record[0] | std::uint64_t{record[1]} << 32;
}

void set_count(std::uint32_t* record, std::uint64_t count) {
  record[0] = static_cast<std::uint32_t>(count);
  record[1] = static_cast<std::uint32_t>(count >> 32);
}

}  // namespace

CountedPiece PieceTable::piece_of(Slot slot) const {
  const std::uint32_t* at = record(slot.place);
  return {slot.hash, count_of(at), {reinterpret_cast<const char*>(at + kHeaderWords), at[2]}};
}

bool PieceTable::holds(Slot slot, std::string_view piece) const {
  const std::uint32_t* at = record(slot.place);
  return at[2] == piece.size() && std::memcmp(at + kHeaderWords, piece.data(), piece.size()) == 0;
}

std::size_t PieceTable::add_each(std::span<const std::string_view> pieces) {
  constexpr std::size_t kAhead = 32;
  std::array<std::uint32_t, kAhead> hashes;
  for (std::size_t begin = 0; begin < pieces.size(); begin += kAhead) {
    const auto group = pieces.subspan(begin, std::min(kAhead, pieces.size() - begin));
    for (std::size_t i = 0; i < group.size(); ++i) {
      hashes[i] = piece_hash(group[i]);
      __builtin_prefetch(slots_.data() + first_slot(hashes[i]));
    }
    for (std::size_t i = 0; i < group.size() && size_ > 0; ++i) {
      const Slot slot = slots_[first_slot(hashes[i])];
      if (slot.place != 0) __builtin_prefetch(record(slot.place), 1);
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (!add(group[i], hashes[i], 1)) return begin + i;
    }
  }
  return pieces.size();
}

bool PieceTable::add(std::string_view piece, std::uint32_t hash, std::uint64_t count) {
  if ((size_ + 1) * 8 > slots_.size() * 5 && !grow_slots()) return false;
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = first_slot(hash);
  for (; slots_[i].place != 0; i = (i + 1) & mask) {
    if (slots_[i].hash != hash || !holds(slots_[i], piece)) continue;
    std::uint32_t* found = record(slots_[i].place);
    set_count(found, count_of(found) + count);
    return true;
  }
  const std::uint32_t place = store(piece, count);
  if (place == 0) return false;
  slots_[i] = {hash, place};
  ++size_;
  return true;
}

bool PieceTable::grow_slots() {
  const std::size_t wanted = slots_.size() == 0 ? kFirstSlots : slots_.size() * 2;
  const bool full = bytes() + wanted * sizeof(Slot) > most_bytes_ || wanted > UINT32_MAX;
  if (full && size_ > 0) return false;
  Pages<Slot> old = std::move(slots_);
  slots_ = Pages<Slot>(wanted);
  shift_ = 32 - std::countr_zero(wanted);
  for (std::size_t from = 0; from < old.size(); ++from) {
    if (old[from].place == 0) continue;
    std::size_t i = first_slot(old[from].hash);
    while (slots_[i].place != 0) i = (i + 1) & (wanted - 1);
    slots_[i] = old[from];
  }
  return true;
}

/// Where the record is; 0 if there is no room.
std::uint32_t PieceTable::store(std::string_view piece, std::uint64_t count) {
  const std::size_t words = kHeaderWords + (piece.size() + 3) / 4;
  if (next_word_ == 0 || next_word_ % kChunkWords + words > kChunkWords ||
      next_word_ / kChunkWords >= chunks_.size()) {
    // Word 0 stays free. A long record ends its last chunk, so nothing runs over its end.
    const bool first = chunks_.empty();
    const std::size_t chunks = (words + (first ? 1 : 0) + kChunkWords - 1) / kChunkWords;
    const std::size_t more = chunks * kChunkWords * sizeof(std::uint32_t);
    if (size_ > 0 && bytes() + more > most_bytes_) return 0;
    if (chunks_.size() + chunks > (std::size_t{1} << (32 - kChunkBits))) return 0;
    next_word_ = chunks_.size() * kChunkWords + (first ? 1 : 0);
    owned_.emplace_back(chunks * kChunkWords);
    arena_bytes_ += more;
    for (std::size_t i = 0; i < chunks; ++i) {
      chunks_.push_back(owned_.back().data() + i * kChunkWords);
    }
  }
  const auto place = static_cast<std::uint32_t>(next_word_);
  next_word_ += words;
  std::uint32_t* at = record(place);
  set_count(at, count);
  at[2] = static_cast<std::uint32_t>(piece.size());
  std::memcpy(at + kHeaderWords, piece.data(), piece.size());
  return place;
}

void PieceTable::sort() {
  if (sorted_) return;
  sorted_ = true;
  Slot* const begin = slots_.data();
  Slot* const end =
      std::remove_if(begin, begin + slots_.size(), [](Slot slot) { return slot.place == 0; });
  std::sort(begin, end, [this](Slot a, Slot b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    return piece_before(piece_of(a), piece_of(b));
  });
}

void PieceTable::clear() {
  size_ = 0;
  sorted_ = false;
  slots_ = {};
  shift_ = 32;
  owned_.clear();
  chunks_.clear();
  next_word_ = 0;
  arena_bytes_ = 0;
}

}  // namespace gptc::tokenizer

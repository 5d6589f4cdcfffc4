#include "frontend/tokenizer/learning/piece_layout.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace gptc::tokenizer {
namespace {

/// A value for each count of occurrences; most counts are small.
template <typename Value>
class ByCount {
 public:
  Value& operator[](std::uint64_t count) {
    return count < few_.size() ? few_[count] : many_[count];
  }

  /// Calls visit(count, value) from the highest count down.
  template <typename Visit>
  void descend(Visit visit) {
    for (auto at = many_.rbegin(); at != many_.rend(); ++at) visit(at->first, at->second);
    for (std::size_t count = few_.size(); count-- > 0;) visit(count, few_[count]);
  }

 private:
  std::array<Value, 1024> few_{};
  std::map<std::uint64_t, Value> many_;
};

/// Where the pieces of one count go.
struct Area {
  std::uint64_t slots = 0;  // that they need
  std::size_t next = 0;     // the next free slot
  std::size_t end = 0;      // of those that they have
};

/// A piece of a single byte has no pairs.
std::size_t slots_of(std::string_view piece) { return piece.size() > 1 ? piece.size() + 1 : 0; }

}  // namespace

template <typename Symbol>
PieceSymbols<Symbol> lay_out_pieces(const OpenPieces& open, const EncodePiece& encode,
                                    const std::vector<std::uint32_t>& lengths,
                                    std::size_t most_slots, LayoutReport& report) {
  constexpr Symbol kNone = PieceSymbols<Symbol>::kNone;
  ByCount<Area> areas;
  merge_pieces(open(), [&](const CountedPiece& piece) {
    ++report.unique_pieces;
    areas[piece.count].slots += slots_of(piece.bytes);
  });

  PieceSymbols<Symbol> symbols;
  symbols.lengths = lengths;
  symbols.size = 1;
  areas.descend([&](std::uint64_t count, Area& area) {
    area.next = symbols.size;
    area.end = symbols.size + std::min<std::uint64_t>(area.slots, most_slots - symbols.size);
    if (area.end == area.next) return;
    symbols.ranges.push_back(
        {static_cast<std::uint32_t>(area.next), static_cast<std::int64_t>(count)});
    symbols.size = area.end;
  });

  symbols.slots = Pages<Symbol>(symbols.size);
  Symbol* slots = symbols.slots.data();
  slots[0] = kNone;
  std::vector<std::int32_t> ids;
  merge_pieces(open(), [&](const CountedPiece& piece) {
    Area& area = areas[piece.count];
    const std::size_t size = slots_of(piece.bytes);
    if (size == 0) return;
    if (size > area.end - area.next) {
      ++report.pruned_pieces;
      report.pruned_occurrences += piece.count;
      report.pruned_count = std::max(report.pruned_count, piece.count);
      return;
    }
    encode(piece.bytes, ids);
    Symbol* at = slots + area.next;
    for (const std::int32_t id : ids) {
      const std::uint32_t length = symbols.lengths[static_cast<std::size_t>(id)];
      at[0] = static_cast<Symbol>(id);
      at[length - 1] = static_cast<Symbol>(id);
      at += length;
    }
    *at = kNone;
    area.next += size;
  });
  areas.descend(
      [&](std::uint64_t, Area& area) { std::fill(slots + area.next, slots + area.end, kNone); });
  return symbols;
}

template PieceSymbols<std::uint16_t> lay_out_pieces(const OpenPieces&, const EncodePiece&,
                                                    const std::vector<std::uint32_t>&, std::size_t,
                                                    LayoutReport&);
template PieceSymbols<std::uint32_t> lay_out_pieces(const OpenPieces&, const EncodePiece&,
                                                    const std::vector<std::uint32_t>&, std::size_t,
                                                    LayoutReport&);

}  // namespace gptc::tokenizer

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/learning/merge_table.h"
#include "frontend/tokenizer/learning/piece_runs.h"

namespace gptc::tokenizer {

/// Opens the counted pieces; called once for each pass over them.
using OpenPieces = std::function<std::vector<std::unique_ptr<PieceSource>>()>;

/// Replaces `ids` by the tokens of a piece. Their bytes are the piece's.
using EncodePiece = std::function<void(std::string_view piece, std::vector<std::int32_t>& ids)>;

/// How many distinct pieces there are, and the rarest, which were left out.
struct LayoutReport {
  std::uint64_t unique_pieces = 0;
  std::uint64_t pruned_pieces = 0;
  std::uint64_t pruned_occurrences = 0;
  std::uint64_t pruned_count = 0;  ///< the most often that one of them occurs
};

/// Lays the pieces out for merging, the most frequent first. Where `most_slots` (under 2^32) do not
/// last, the rarest are left out, of equally rare ones the last in the order of sources. `lengths`
/// are those of all tokens that `encode` gives.
template <typename Symbol>
PieceSymbols<Symbol> lay_out_pieces(const OpenPieces& open, const EncodePiece& encode,
                                    const std::vector<std::uint32_t>& lengths,
                                    std::size_t most_slots, LayoutReport& report);

}  // namespace gptc::tokenizer

#include "frontend/tokenizer/explain.h"

#include <algorithm>
#include <string>

#include "frontend/tokenizer/error.h"
#include "frontend/tokenizer/pair_map.h"
#include "frontend/tokenizer/pretokenize.h"
#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {
namespace {

ExplainedPiece explain_piece(const Vocabulary& vocabulary, std::string_view piece) {
  ExplainedPiece made{};
  for (const char byte : piece)
    made.bytes.push_back(vocabulary.byte_token(static_cast<unsigned char>(byte)));
  made.ids = made.bytes;
  const auto rank_at = [&](std::size_t i) {
    return i + 1 < made.ids.size() ? vocabulary.rank(made.ids[i], made.ids[i + 1])
                                   : PairMap::kMissing;
  };
  std::vector<std::uint32_t> ranks;
  for (std::size_t i = 0; i < made.ids.size(); ++i) ranks.push_back(rank_at(i));
  for (;;) {
    const auto best = std::min_element(ranks.begin(), ranks.end());
    if (best == ranks.end() || *best == PairMap::kMissing) return made;
    const std::uint32_t rank = *best;
    const auto place = static_cast<std::size_t>(best - ranks.begin());
    const std::int32_t result = vocabulary.merges()[rank].result;
    made.steps.push_back({static_cast<std::int32_t>(rank), place, result});
    const auto next = static_cast<std::ptrdiff_t>(place) + 1;
    made.ids[place] = result;
    made.ids.erase(made.ids.begin() + next);
    ranks.erase(ranks.begin() + next);
    ranks[place] = rank_at(place);
    if (place > 0) ranks[place - 1] = rank_at(place - 1);
  }
}

}  // namespace

std::vector<ExplainedPiece> explain(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<ExplainedPiece> pieces;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = piece_end(tokenizer.pattern(), text, begin);
    if (end - begin > kLongestExplained)
      throw Error("a piece of " + std::to_string(end - begin) + " bytes from byte " +
                  std::to_string(begin) + " on is too long to explain; at most " +
                  std::to_string(kLongestExplained) + " are taken");
    ExplainedPiece piece = explain_piece(tokenizer.vocabulary(), text.substr(begin, end - begin));
    piece.begin = begin;
    piece.end = end;
    pieces.push_back(std::move(piece));
    begin = end;
  }
  return pieces;
}

}  // namespace gptc::tokenizer

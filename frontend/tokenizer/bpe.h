#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {

/// Appends the tokens of one piece to `ids`: start from its bytes and, as long as some neighbours
/// have a merge, apply the merge of lowest rank, at its leftmost place (Sennrich et al. 2016). Time
/// is O(n log n) in the piece's bytes. Throws Error for a piece of 4 GiB or more.
void merge_piece(const Vocabulary& vocabulary, std::string_view piece,
                 std::vector<std::int32_t>& ids);

/// Appends the tokens of ordinary text, without special tokens, to `ids`. A bounded cache over the
/// text's own pieces saves merging the same word again.
void encode_ordinary(const Vocabulary& vocabulary, std::string_view text,
                     std::vector<std::int32_t>& ids);

}  // namespace gptc::tokenizer

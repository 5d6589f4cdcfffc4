#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {

/// Appends the tokens of one piece to `ids`: Merger::merge for who merges once in a while.
void merge_piece(const Vocabulary& vocabulary, std::string_view piece,
                 std::vector<std::int32_t>& ids);

}  // namespace gptc::tokenizer

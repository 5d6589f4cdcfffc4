#include "frontend/tokenizer/bpe.h"

#include "frontend/tokenizer/merger.h"

namespace gptc::tokenizer {

void merge_piece(const Vocabulary& vocabulary, std::string_view piece,
                 std::vector<std::int32_t>& ids) {
  Merger(vocabulary).merge(piece, ids);
}

}  // namespace gptc::tokenizer

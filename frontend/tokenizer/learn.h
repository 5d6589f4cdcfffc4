#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "frontend/tokenizer/learner.h"
#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {

/// What Tokenizer::learn does. Counts of pairs are kept up to date as merges are applied, and the
/// next merge comes from a heap, so the work is that of the merges' occurrences and not of the
/// text.
std::shared_ptr<const Vocabulary> learn_vocabulary(std::span<const std::string_view> documents,
                                                   const LearnOptions& options);

}  // namespace gptc::tokenizer

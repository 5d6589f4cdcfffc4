#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>

namespace gptc::tokenizer {

/// How often each distinct piece (see pretokenize.h) stands in the documents.
using WordCounts = std::unordered_map<std::string_view, std::int64_t>;

/// Counts with `threads` threads (at least 1). The keys point into the documents.
WordCounts count_words(std::span<const std::string_view> documents, int threads);

}  // namespace gptc::tokenizer

// Texts to measure tokenizers with, made from a seed: the same everywhere, and nobody's.
#pragma once

#include <cstddef>
#include <string>

namespace gptc::driver {

/// About `bytes` of Chinese, Japanese and Korean characters, a third each: words of one to three
/// characters drawn by Zipf's law, with punctuation and lines as such texts have them.
std::string sample_cjk(std::size_t bytes);

/// About `bytes` of C-like source code: functions with nested blocks, calls, numbers, comments.
std::string sample_code(std::size_t bytes);

}  // namespace gptc::driver

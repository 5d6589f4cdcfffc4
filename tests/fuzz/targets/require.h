#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "frontend/tokenizer/tokenizer.h"
#include "frontend/tokenizer/vocabulary_files.h"

namespace gptc::fuzzing {

/// Ends the program as a fuzzer wants it where a promise is broken.
inline void require(bool kept, const char* promise) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// What a vocabulary that a reader accepted must be able to do.
inline void require_works(const tokenizer::Tokenizer& tokenizer) {
  const std::string_view text = " the  tide\n<|endoftext|>\xff 123'll";
  const auto ids = tokenizer.encode(text);
  require(tokenizer.decode(ids) == text, "decode(encode(x)) == x");
  const auto with_specials =
      tokenizer.encode(text, {.special = tokenizer::SpecialTokens::recognised});
  require(tokenizer.decode(with_specials) == text, "the same with special tokens");
}

/// Written and read again, a vocabulary is the same.
inline void require_same(const tokenizer::Tokenizer& a, const tokenizer::Tokenizer& b) {
  require(tokenizer::fingerprint(a) == tokenizer::fingerprint(b), "written and read is the same");
}

}  // namespace gptc::fuzzing

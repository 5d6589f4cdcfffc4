#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "frontend/tokenizer/special_finder.h"
#include "frontend/tokenizer/tokenizer.h"

namespace gptc::tokenizer {

/// Cuts a text into parts to be encoded one by one: ordinary text, and special tokens where those
/// are recognised.
class TextParts {
 public:
  struct Part {
    std::string_view text;
    std::int32_t special = -1;  ///< the special token this is, -1 for ordinary text
  };

  /// Ordinary text is cut into parts of about `part_size` bytes.
  TextParts(const Vocabulary& vocabulary, std::string_view text, SpecialTokens special,
            std::size_t part_size);

  /// The next part, in the text's order; nothing at its end.
  std::optional<Part> next();

 private:
  const Vocabulary& vocabulary_;
  std::string_view text_;
  std::optional<SpecialFinder> finder_;
  SpecialFinder::Match match_{-1, std::string_view::npos};
  std::size_t part_size_;
  std::size_t at_ = 0;
};

}  // namespace gptc::tokenizer

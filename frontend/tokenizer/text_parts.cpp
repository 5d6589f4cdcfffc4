#include "frontend/tokenizer/text_parts.h"

#include <algorithm>

#include "frontend/tokenizer/pretokenize.h"

namespace gptc::tokenizer {

TextParts::TextParts(const Vocabulary& vocabulary, std::string_view text, SpecialTokens special,
                     std::size_t part_size)
    : vocabulary_(vocabulary), text_(text), part_size_(part_size) {
  if (special != SpecialTokens::recognised) return;
  finder_.emplace(vocabulary, text);
  match_ = finder_->next(0);
}

std::optional<TextParts::Part> TextParts::next() {
  if (at_ == text_.size()) return std::nullopt;
  if (at_ == match_.begin) {
    const Part part{vocabulary_.bytes(match_.id), match_.id};
    at_ += part.text.size();
    match_ = finder_->next(at_);
    return part;
  }
  const std::string_view rest = text_.substr(at_, match_.begin - at_);
  const std::size_t size =
      rest.size() <= part_size_ ? rest.size() : safe_cut(vocabulary_.pattern(), rest, part_size_);
  at_ += size;
  return Part{rest.substr(0, size)};
}

}  // namespace gptc::tokenizer

#include "frontend/tokenizer/learning/document_buffer.h"

#include "frontend/tokenizer/pretokenize.h"

namespace gptc::tokenizer {

DocumentBuffer::Ready DocumentBuffer::ready(std::size_t part) const {
  Ready ready{};
  const auto cut_up = [&](std::string_view text) {
    while (text.size() > part) {
      const std::size_t cut = safe_cut(pattern_, text, part);
      ready.parts.push_back(text.substr(0, cut));
      text.remove_prefix(cut);
    }
    if (!text.empty()) ready.parts.push_back(text);
  };
  for (const std::size_t end : ends_) {
    cut_up(text().substr(ready.bytes, end - ready.bytes));
    ready.bytes = end;
  }
  const std::string_view open = text().substr(ready.bytes);
  const std::size_t cut = last_safe_cut(pattern_, open);
  cut_up(open.substr(0, cut));
  ready.bytes += cut;
  return ready;
}

void DocumentBuffer::drop(std::size_t bytes) {
  text_.erase(0, bytes);
  ends_.clear();
}

}  // namespace gptc::tokenizer

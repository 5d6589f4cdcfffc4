#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/pattern.h"

namespace gptc::tokenizer {

/// Bytes of documents that wait to be counted, and where documents end among them.
class DocumentBuffer {
 public:
  explicit DocumentBuffer(Pattern pattern) : pattern_(pattern) {}

  void reserve(std::size_t bytes) { text_.reserve(bytes); }
  std::size_t size() const { return text_.size(); }
  std::size_t ends() const { return ends_.size(); }
  std::string_view text() const { return text_; }

  void add(std::string_view bytes) { text_ += bytes; }
  void end_document() { ends_.push_back(text_.size()); }

  /// What can be counted now, in parts of about `part` bytes: whole documents, and of the one that
  /// has not ended what comes before its last safe cut.
  struct Ready {
    std::vector<std::string_view> parts;
    std::size_t bytes;  // of text(), from its begin
  };
  Ready ready(std::size_t part) const;

  /// Calls visit(text) for each document or part of one in the first `bytes` bytes, and then
  /// end() where the document ended.
  template <typename Visit, typename End>
  void each_document(std::size_t bytes, Visit visit, End end) const {
    std::size_t begin = 0;
    for (const std::size_t to : ends_) {
      visit(text().substr(begin, to - begin));
      end();
      begin = to;
    }
    visit(text().substr(begin, bytes - begin));
  }

  /// Forgets the first `bytes` bytes and all ends.
  void drop(std::size_t bytes);

 private:
  Pattern pattern_;
  std::string text_;
  std::vector<std::size_t> ends_;
};

}  // namespace gptc::tokenizer

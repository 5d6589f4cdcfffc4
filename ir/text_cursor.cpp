#include "ir/text_cursor.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace gptc::ir {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '/';
}

std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text) shown += std::isprint(static_cast<unsigned char>(c)) != 0 ? c : '?';
  return shown;
}

}  // namespace

void TextCursor::skip() {
  if (at_ != skipped_) read_ = at_;
  while (at_ < text_.size()) {
    if (text_[at_] == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
      ++at_;
    } else {
      break;
    }
  }
  skipped_ = at_;
}

void TextCursor::fail(std::string_view rule) {
  const std::string_view before = text_.substr(0, at_);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t start =
      before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const std::string_view rest = text_.substr(at_, std::min<std::size_t>(24, text_.size() - at_));
  user_error("{}:{}:{}: {}, but got {}", file_, line, at_ - start + 1, rule,
             rest.empty() ? "the end of the text"
                          : "'" + printable(rest.substr(0, rest.find('\n'))) + "'");
}

void TextCursor::fail_with(std::string_view message) {
  const std::string_view before = text_.substr(0, at_ == skipped_ ? read_ : at_);
  user_error("{}:{}: {}", file_, 1 + std::count(before.begin(), before.end(), '\n'),
             printable(message));
}

bool TextCursor::at_end() {
  skip();
  return at_ == text_.size();
}

bool TextCursor::peek(std::string_view token) {
  skip();
  if (!text_.substr(at_).starts_with(token)) return false;
  const std::size_t end = at_ + token.size();
  return !is_word(token.back()) || end == text_.size() || !is_word(text_[end]);
}

bool TextCursor::accept(std::string_view token) {
  if (!peek(token)) return false;
  at_ += token.size();
  return true;
}

void TextCursor::expect(std::string_view token) {
  if (!accept(token)) fail(fmt::format("'{}' must come here", token));
}

std::string TextCursor::word(std::string_view what) {
  skip();
  const auto* first = text_.data() + at_;
  const auto* last = std::find_if_not(first, text_.data() + text_.size(), is_word);
  if (first == last) fail(fmt::format("{} must come here", what));
  at_ += static_cast<std::size_t>(last - first);
  return {first, last};
}

std::string TextCursor::sigil_word(char sigil, std::string_view what) {
  skip();
  if (at_ + 1 >= text_.size() || text_[at_] != sigil || !is_word(text_[at_ + 1])) {
    fail(fmt::format("{}{} must come here", sigil, what));
  }
  ++at_;
  return word(what);
}

std::string TextCursor::quoted() {
  expect("\"");
  std::string value;
  while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n') {
    if (text_[at_] == '\\') {
      ++at_;
      if (at_ == text_.size() || (text_[at_] != '"' && text_[at_] != '\\')) {
        fail("a backslash must stand before a quote or a backslash");
      }
    }
    value += text_[at_++];
  }
  if (at_ == text_.size() || text_[at_] != '"') fail("a quoted text must end on its line");
  ++at_;
  return value;
}

std::string TextCursor::number_text() {
  skip();
  const auto part = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '+';
  };
  const auto* first = text_.data() + at_;
  return {first, std::find_if_not(first, text_.data() + text_.size(), part)};
}

std::int64_t TextCursor::integer() {
  const std::string text = number_text();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) fail("an integer must come here");
  at_ += text.size();
  return value;
}

double TextCursor::real() {
  const std::string text = number_text();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) fail("a number must come here");
  at_ += text.size();
  return value;
}

std::uint64_t TextCursor::key() {
  const std::string text = number_text();
  std::uint64_t value = 0;
  if (!text.starts_with("0x")) fail("a key such as 0x00000000000000ff must come here");
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size()) {
    fail("a key of up to 16 hexadecimal digits must come here");
  }
  at_ += text.size();
  return value;
}

std::string TextCursor::until(char end, std::string_view what) {
  skip();
  const std::size_t stop = std::min(text_.find(end, at_), text_.find('\n', at_));
  if (stop >= text_.size() || text_[stop] != end) {
    fail(fmt::format("{} must end with '{}' on its line", what, end));
  }
  std::string raw(text_.substr(at_, stop - at_));
  at_ = stop + 1;
  return raw;
}

}  // namespace gptc::ir

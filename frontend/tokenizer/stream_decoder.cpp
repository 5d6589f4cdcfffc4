#include "frontend/tokenizer/tokenizer.h"
#include "frontend/tokenizer/utf8.h"

namespace gptc::tokenizer {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Appends the text of `bytes` to `out` up to an incomplete character at the end; returns where it
/// is.
std::size_t append_complete(std::string_view bytes, std::string& out) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const Utf8Step step = utf8_step(bytes, at);
    if (step.status == Utf8Status::incomplete) break;
    out += step.status == Utf8Status::valid ? bytes.substr(at, step.length) : kReplacement;
    at += step.length;
  }
  return at;
}

}  // namespace

std::string replace_invalid_utf8(std::string_view bytes) {
  std::string out;
  if (append_complete(bytes, out) < bytes.size()) out += kReplacement;
  return out;
}

std::string StreamDecoder::push(std::int32_t id) {
  held_ += tokenizer_.token_bytes(id);
  std::string out;
  held_.erase(0, append_complete(held_, out));
  return out;
}

std::string StreamDecoder::finish() {
  std::string out(held_.empty() ? std::string_view{} : kReplacement);
  held_.clear();
  return out;
}

}  // namespace gptc::tokenizer

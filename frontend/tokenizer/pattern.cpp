#include "frontend/tokenizer/pattern.h"

#include <array>

namespace gptc::tokenizer {
namespace {

struct Row {
  Pattern pattern;
  std::string_view name;
  std::string_view regex;
};

constexpr std::array<Row, 3> kRows = {{
    {Pattern::gpt2, "gpt2",
     R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
    {Pattern::gpt4, "gpt4",
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
     R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {Pattern::none, "none", ""},
}};

const Row& row_of(Pattern pattern) { return kRows.at(static_cast<std::size_t>(pattern)); }

}  // namespace

std::string_view pattern_name(Pattern pattern) { return row_of(pattern).name; }

std::optional<Pattern> pattern_of(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.pattern;
  }
  return std::nullopt;
}

std::string_view pattern_regex(Pattern pattern) { return row_of(pattern).regex; }

}  // namespace gptc::tokenizer

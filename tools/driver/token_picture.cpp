#include "tools/driver/token_picture.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "frontend/tokenizer/explain.h"
#include "frontend/tokenizer/utf8.h"

namespace gptc::driver {
namespace {

using tokenizer::Tokenizer;

constexpr std::string_view kEnd = "\x1b[0m";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kDim = "\x1b[2m";
/// Backgrounds of the 256 that terminals have, light enough for black letters.
constexpr int kBackgrounds[] = {153, 222, 157, 217, 189, 229};

bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

void escape(std::string& out, std::string_view bytes) {
  if (bytes == "\n") {
    out += "\\n";
  } else if (bytes == "\t") {
    out += "\\t";
  } else if (bytes == "\r") {
    out += "\\r";
  } else {
    for (const char byte : bytes) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  }
}

std::string boxed(const std::string& text, std::int32_t id, std::size_t index, Colors colors) {
  if (colors == Colors::off) return fmt::format("[{} {}]", text, id);
  return fmt::format("\x1b[30;48;5;{}m{}{}{}{}{} ", kBackgrounds[index % std::size(kBackgrounds)],
                     text, kEnd, kDim, id, kEnd);
}

std::string quoted_tokens(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids,
                          std::size_t made, Colors colors) {
  std::string line;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) line += ' ';
    const bool bold = i == made && colors == Colors::on;
    if (bold) line += kBold;
    line += tokenizer.token_text(ids[i]);
    if (bold) line += kEnd;
  }
  return line;
}

}  // namespace

Colors colors_for(int file) {
  const auto set = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
  };
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  return ::isatty(file) == 1 && !set("NO_COLOR") && !dumb ? Colors::on : Colors::off;
}

std::string printable(std::string_view bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size();) {
    const tokenizer::Utf8Step step = tokenizer::utf8_step(bytes, at);
    const std::string_view character = bytes.substr(at, step.length);
    if (character == "\\") {
      out += "\\\\";
    } else if (step.status == tokenizer::Utf8Status::valid && !is_control(step.code_point)) {
      out += character;
    } else {
      escape(out, character);
    }
    at += step.length;
  }
  return out;
}

std::string token_picture(const Tokenizer& tokenizer, std::string_view text,
                          tokenizer::EncodeOptions options, Colors colors) {
  std::string out;
  std::size_t index = 0;
  bool line_ended = true;
  for (const std::int32_t id : tokenizer.encode(text, options)) {
    const std::string_view bytes = tokenizer.token_bytes(id);
    out += boxed(printable(bytes), id, index++, colors);
    line_ended = bytes.find('\n') != bytes.npos;
    if (line_ended) out += '\n';
  }
  if (!line_ended) out += '\n';
  return out + fmt::format("{} tokens, {} bytes\n", index, text.size());
}

std::string merge_picture(const Tokenizer& tokenizer, std::string_view text, Colors colors) {
  std::string out;
  for (const tokenizer::ExplainedPiece& piece : tokenizer::explain(tokenizer, text)) {
    const std::string_view bytes = text.substr(piece.begin, piece.end - piece.begin);
    out += fmt::format("piece \"{}\"\n", printable(bytes));
    std::vector<std::int32_t> ids = piece.bytes;
    out +=
        fmt::format("  {:>10}  {}\n", "bytes", quoted_tokens(tokenizer, ids, ids.size(), colors));
    for (const tokenizer::MergeStep& step : piece.steps) {
      ids[step.place] = step.result;
      ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(step.place) + 1);
      out += fmt::format("  {:>10}  {}\n", fmt::format("merge {}", step.rank),
                         quoted_tokens(tokenizer, ids, step.place, colors));
    }
    out += fmt::format("  {:>10} ", "ids");
    for (const std::int32_t id : piece.ids) out += fmt::format(" {}", id);
    out += '\n';
  }
  return out;
}

}  // namespace gptc::driver

#include "frontend/formats/error.h"

#include <fmt/format.h>

#include <system_error>

namespace gptc::formats {

std::string in_quotes(std::string_view text) {
  constexpr std::size_t limit = 120;
  std::string out = "\"";
  for (const char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else if (c == '"' || c == '\\')
      out += std::string{'\\', c};
    else
      out += c;
  }
  if (text.size() > limit) out += "...";
  return out + '"';
}

std::string cause(int code) { return std::generic_category().message(code); }

}  // namespace gptc::formats

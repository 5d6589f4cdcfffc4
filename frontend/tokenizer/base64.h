#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gptc::tokenizer {

/// Base64 (RFC 4648, section 4) with its padding. Reading is strict: nothing for a foreign
/// character, wrong padding, or bits set behind the last byte.
std::string base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

}  // namespace gptc::tokenizer

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gptc::tokenizer {

/// GPT-2 writes token bytes as printable characters: bytes 33-126, 161-172 and 174-255 stand for
/// themselves, the other 68 become U+0100, U+0101, ... in order. The token of a single byte has as
/// id the byte's place in the order of those characters, so '!' is 0, byte 0 is 188 and ' ' is 220.

std::int32_t id_of_byte(unsigned char byte);
unsigned char byte_of_id(std::int32_t id);  ///< `id` in 0..255

/// The printable form of `bytes` as UTF-8.
std::string mapped(std::string_view bytes);

/// The bytes a printable form stands for; nothing if some character stands for no byte.
std::optional<std::string> unmap(std::string_view text);

}  // namespace gptc::tokenizer

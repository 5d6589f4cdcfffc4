#include "frontend/tokenizer/byte_map.h"

#include <array>

#include "frontend/tokenizer/utf8.h"

namespace gptc::tokenizer {
namespace {

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

struct Maps {
  std::array<std::uint8_t, 256> byte_of_id{};
  std::array<std::uint8_t, 256> id_of_byte{};
  std::array<char32_t, 256> character_of_byte{};
  std::array<std::int16_t, 0x144> byte_of_character{};  // -1: stands for no byte
};

constexpr Maps make_maps() {
  Maps maps;
  for (auto& byte : maps.byte_of_character) byte = -1;
  unsigned next_id = 0;
  const auto add = [&](unsigned byte, char32_t character) {
    maps.byte_of_id[next_id] = static_cast<std::uint8_t>(byte);
    maps.id_of_byte[byte] = static_cast<std::uint8_t>(next_id++);
    maps.character_of_byte[byte] = character;
    maps.byte_of_character[character] = static_cast<std::int16_t>(byte);
  };
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (stands_for_itself(byte)) add(byte, byte);
  }
  char32_t character = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (!stands_for_itself(byte)) add(byte, character++);
  }
  return maps;
}

constexpr Maps kMaps = make_maps();

}  // namespace

std::int32_t id_of_byte(unsigned char byte) { return kMaps.id_of_byte[byte]; }

unsigned char byte_of_id(std::int32_t id) {
  return kMaps.byte_of_id.at(static_cast<std::size_t>(id));
}

std::string mapped(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    append_utf8(text, kMaps.character_of_byte[static_cast<unsigned char>(byte)]);
  }
  return text;
}

std::optional<std::string> unmap(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Step step = utf8_step(text, at);
    if (step.status != Utf8Status::valid) return std::nullopt;
    if (step.code_point >= kMaps.byte_of_character.size()) return std::nullopt;
    const std::int16_t byte = kMaps.byte_of_character[step.code_point];
    if (byte < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
    at += step.length;
  }
  return bytes;
}

}  // namespace gptc::tokenizer

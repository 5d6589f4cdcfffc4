#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/tokenizer/vocabulary.h"

namespace gptc::tokenizer {

/// One entry of a vocabulary file's object "token": id. The token is in its printable form
/// (byte_map.h), or a special token's own text.
struct VocabEntry {
  std::string token;
  std::int32_t id;
  std::size_t byte;  ///< place in the file just after the token, from 1, for messages
};

/// Takes such an object's keys and values one by one. Throws Error that begins with `name`.
class VocabEntries {
 public:
  explicit VocabEntries(std::string name) : name_(std::move(name)) {}
  void key(std::string token, std::size_t byte);
  void id(std::uint64_t id, std::size_t byte);
  /// For every value that is no id.
  [[noreturn]] void reject_value(std::size_t byte) const;
  [[noreturn]] void fail(std::size_t byte, const std::string& what) const;
  std::vector<VocabEntry> take() { return std::move(entries_); }

 private:
  std::string name_;
  std::vector<VocabEntry> entries_;
};

/// The entries by id, where none may have an id twice. Ids that no entry has are `unused` (at most
/// 65,536 of them): entries with an empty token. Throws Error that begins with `name`.
enum class UnusedIds : std::uint8_t { forbidden, allowed };
std::vector<VocabEntry> entries_by_id(const std::string& name, std::vector<VocabEntry> entries,
                                      UnusedIds unused);

/// Reads a flat JSON object of "token": id and returns its entries by id. The ids must be 0 to V-1,
/// each once, and no token may occur twice. Throws Error that begins with `name` and says the byte.
std::vector<VocabEntry> parse_vocab_json(const std::string& name, std::string_view text);

/// The same object for a vocabulary, in the order of ids; ids without a token are left out.
std::string vocab_json(const Vocabulary& vocabulary);

}  // namespace gptc::tokenizer

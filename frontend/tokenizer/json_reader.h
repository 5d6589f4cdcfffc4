#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gptc::tokenizer {

/// Takes what a JSON text consists of, in order. Any member may throw; the exception passes through
/// read_json.
class JsonHandler {
 public:
  virtual ~JsonHandler() = default;
  virtual void begin_object() = 0;
  virtual void key(std::string& name) = 0;
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
  virtual void null() = 0;
  virtual void boolean(bool value) = 0;
  virtual void natural(std::uint64_t value) = 0;  ///< an integer from 0 that fits 64 bits
  virtual void number(double value) = 0;          ///< any other number
  virtual void string(std::string& value) = 0;

  /// What a message calls a key: "token" where the keys are tokens.
  virtual std::string_view key_noun() const { return "key"; }

  /// How far the text has been read, in bytes: the place of what was just handed over.
  std::size_t byte() const { return byte_; }

 private:
  friend class JsonReader;
  std::size_t byte_ = 0;
};

/// Reads one JSON value and nothing behind it but white space. Throws Error "NAME: byte N: ..." for
/// what is no JSON or no UTF-8, for a key twice in one object, and for nesting deeper than 16 (no
/// vocabulary file needs more).
void read_json(const std::string& name, std::string_view text, JsonHandler& handler);

/// `text` as a JSON string with its quotes. Throws Error if it is not UTF-8.
std::string json_string(std::string_view text);

/// A text for a message: in quotes, escaped, cut where it is long.
std::string show_token(std::string_view token);

}  // namespace gptc::tokenizer

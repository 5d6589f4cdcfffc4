#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace gptc::formats {

/// What a strict JSON text consists of, in order. A handler may throw; the exception passes through
/// parse_json.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual void begin_object() = 0;
  virtual void key(const std::string& name) = 0;
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
  virtual void null() = 0;
  virtual void boolean(bool value) = 0;
  /// Negative integers that fit 64 bits.
  virtual void negative(std::int64_t value) = 0;
  /// Integers from 0 that fit 64 bits.
  virtual void natural(std::uint64_t value) = 0;
  /// All other numbers.
  virtual void real(double value) = 0;
  virtual void string(std::string& value) = 0;
};

/// Why a text was rejected; the caller adds the file's name.
struct JsonError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Reads one JSON value and nothing after it but white space. Rejects, beyond bad syntax and bad
/// UTF-8: a key twice in one object, and nesting deeper than 64. Memory: the keys of the objects
/// that are open.
void parse_json(std::string_view text, JsonEvents& events);

/// `text` as a JSON string with its quotes; throws JsonError if it is not UTF-8.
std::string json_string(std::string_view text);

}  // namespace gptc::formats

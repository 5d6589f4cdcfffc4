#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace gptc::formats {

/// A flat JSON object, for configurations, what stands beside a checkpoint, and records of a log.
/// Reading and getting throw Error with origin, key, rule and value. Values of other forms (nested
/// objects, mixed lists) may stand in a file; they count as present and only getting them is an
/// error.
class Document {
 public:
  /// Files larger than this are refused unread.
  static constexpr std::uint64_t max_bytes = 4u << 20;

  /// An empty document; `origin` stands for the path in messages.
  explicit Document(std::string origin = "document") : origin_(std::move(origin)) {}

  static Document open(const std::string& path);
  static Document parse(std::string_view text, std::string origin);

  /// True if the key is there and not null.
  [[nodiscard]] bool has(std::string_view key) const;
  /// In the order of the file, or of the first setting.
  [[nodiscard]] std::vector<std::string> keys() const;

  /// A whole number in [min, max].
  [[nodiscard]] std::int64_t get_int(
      std::string_view key, std::int64_t min = std::numeric_limits<std::int64_t>::min(),
      std::int64_t max = std::numeric_limits<std::int64_t>::max()) const;
  /// A whole number of 64 bits, such as a seed.
  [[nodiscard]] std::uint64_t get_uint(std::string_view key) const;
  /// Any number in [min, max].
  [[nodiscard]] double get_double(std::string_view key,
                                  double min = std::numeric_limits<double>::lowest(),
                                  double max = std::numeric_limits<double>::max()) const;
  [[nodiscard]] bool get_bool(std::string_view key) const;
  [[nodiscard]] std::string get_string(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> get_strings(std::string_view key) const;

  /// Setting a key again replaces its value in place.
  void set_int(std::string_view key, std::int64_t value);
  void set_uint(std::string_view key, std::uint64_t value);
  /// JSON has no infinities and no NaN: they become null. Written with the fewest digits that read
  /// back equal.
  void set_double(std::string_view key, double value);
  void set_bool(std::string_view key, bool value);
  void set_string(std::string_view key, std::string value);
  void set_strings(std::string_view key, std::vector<std::string> values);
  void set_null(std::string_view key);

  /// One key a line, with a newline at the end. Throws Error for text that is not UTF-8 and for
  /// values of other forms.
  [[nodiscard]] std::string to_text() const;
  /// Written whole or not at all.
  void save(const std::string& path) const;

 private:
  friend class DocumentReader;
  struct Null {};
  struct Other {};
  using Value = std::variant<Null, bool, std::int64_t, std::uint64_t, double, std::string,
                             std::vector<std::string>, Other>;

  [[nodiscard]] const Value* find(std::string_view key) const;
  [[nodiscard]] const Value& value(std::string_view key) const;
  template <class T>
  [[nodiscard]] const T& get(std::string_view key, std::string_view form) const;
  void set(std::string_view key, Value value);
  [[noreturn]] void reject(std::string_view key, std::string_view rule, const Value& got) const;
  static std::string text_of(const Value& value);

  std::string origin_;
  std::vector<std::pair<std::string, Value>> values_;
};

}  // namespace gptc::formats

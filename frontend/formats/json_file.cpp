#include "frontend/formats/json_file.h"

#include <fmt/format.h>

#include <cmath>

#include "frontend/formats/atomic_file.h"
#include "frontend/formats/checked.h"
#include "frontend/formats/error.h"
#include "frontend/formats/json_events.h"
#include "frontend/formats/mapped_file.h"

namespace gptc::formats {

/// Takes the values of the outermost object; anything nested but a list of strings becomes Other.
class DocumentReader : public JsonEvents {
 public:
  explicit DocumentReader(Document& document) : document_(document) {}

  void begin_object() override {
    if (depth_++ > 0) nested();
  }
  void key(const std::string& name) override {
    if (depth_ == 1) document_.values_.emplace_back(name, Document::Null{});
  }
  void end_object() override { --depth_; }
  void begin_array() override {
    if (depth_ == 1)
      last() = std::vector<std::string>{};
    else
      nested();
    ++depth_;
  }
  void end_array() override { --depth_; }
  void null() override { take(Document::Null{}); }
  void boolean(bool value) override { take(value); }
  void negative(std::int64_t value) override { take(value); }
  void natural(std::uint64_t value) override {
    if (const auto narrow = checked_narrow<std::int64_t>(value))
      take(*narrow);
    else
      take(value);
  }
  void real(double value) override { take(value); }
  void string(std::string& value) override {
    auto* list = depth_ == 2 ? std::get_if<std::vector<std::string>>(&last()) : nullptr;
    if (list != nullptr)
      list->push_back(std::move(value));
    else
      take(std::move(value));
  }

 private:
  Document::Value& last() {
    if (document_.values_.empty()) throw JsonError("it must be a JSON object");
    return document_.values_.back().second;
  }
  void nested() { last() = Document::Other{}; }
  void take(Document::Value value) {
    last() = depth_ == 1 ? std::move(value) : Document::Value(Document::Other{});
  }

  Document& document_;
  int depth_ = 0;
};

Document Document::parse(std::string_view text, std::string origin) {
  Document document(std::move(origin));
  try {
    if (text.size() > max_bytes)
      throw JsonError(fmt::format("it may take {} bytes, but has {}", max_bytes, text.size()));
    DocumentReader reader(document);
    parse_json(text, reader);
  } catch (const JsonError& error) {
    throw Error(fmt::format("{}: {}", in_quotes(document.origin_), error.what()));
  }
  return document;
}

Document Document::open(const std::string& path) {
  const MappedFile file(path);
  return parse({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, path);
}

const Document::Value* Document::find(std::string_view key) const {
  for (const auto& [name, value] : values_)
    if (name == key) return &value;
  return nullptr;
}

bool Document::has(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr && !std::holds_alternative<Null>(*value);
}

std::vector<std::string> Document::keys() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : values_) names.push_back(name);
  return names;
}

const Document::Value& Document::value(std::string_view key) const {
  if (const Value* value = find(key)) return *value;
  throw Error(fmt::format("{}: key {} is missing", in_quotes(origin_), in_quotes(key)));
}

template <class T>
const T& Document::get(std::string_view key, std::string_view form) const {
  const Value& found = value(key);
  if (const T* typed = std::get_if<T>(&found)) return *typed;
  reject(key, form, found);
}

void Document::reject(std::string_view key, std::string_view rule, const Value& got) const {
  throw Error(fmt::format("{}: {} must be {}, but is {}", in_quotes(origin_), in_quotes(key), rule,
                          text_of(got)));
}

std::int64_t Document::get_int(std::string_view key, std::int64_t min, std::int64_t max) const {
  const Value& found = value(key);
  const auto* number = std::get_if<std::int64_t>(&found);
  if (number == nullptr || *number < min || *number > max)
    reject(key, fmt::format("a whole number from {} to {}", min, max), found);
  return *number;
}

std::uint64_t Document::get_uint(std::string_view key) const {
  const Value& found = value(key);
  if (const auto* number = std::get_if<std::uint64_t>(&found)) return *number;
  const auto* number = std::get_if<std::int64_t>(&found);
  if (number == nullptr || *number < 0) reject(key, "a whole number from 0 to 2^64-1", found);
  return static_cast<std::uint64_t>(*number);
}

double Document::get_double(std::string_view key, double min, double max) const {
  const Value& found = value(key);
  double number = std::nan("");
  if (const auto* real = std::get_if<double>(&found)) number = *real;
  if (const auto* whole = std::get_if<std::int64_t>(&found)) number = static_cast<double>(*whole);
  if (const auto* whole = std::get_if<std::uint64_t>(&found)) number = static_cast<double>(*whole);
  if (!(number >= min && number <= max)) {
    const bool any =
        min == std::numeric_limits<double>::lowest() && max == std::numeric_limits<double>::max();
    reject(key, any ? "a number" : fmt::format("a number from {} to {}", min, max), found);
  }
  return number;
}

bool Document::get_bool(std::string_view key) const { return get<bool>(key, "true or false"); }
std::string Document::get_string(std::string_view key) const {
  return get<std::string>(key, "a string");
}
std::vector<std::string> Document::get_strings(std::string_view key) const {
  return get<std::vector<std::string>>(key, "a list of strings");
}

void Document::set(std::string_view key, Value value) {
  for (auto& [name, old] : values_)
    if (name == key) {
      old = std::move(value);
      return;
    }
  values_.emplace_back(key, std::move(value));
}

void Document::set_int(std::string_view key, std::int64_t value) { set(key, value); }
void Document::set_uint(std::string_view key, std::uint64_t value) { set(key, value); }
void Document::set_double(std::string_view key, double value) {
  set(key, std::isfinite(value) ? Value(value) : Value(Null{}));
}
void Document::set_bool(std::string_view key, bool value) { set(key, value); }
void Document::set_string(std::string_view key, std::string value) { set(key, std::move(value)); }
void Document::set_strings(std::string_view key, std::vector<std::string> values) {
  set(key, std::move(values));
}
void Document::set_null(std::string_view key) { set(key, Null{}); }

std::string Document::text_of(const Value& value) {
  struct Printer {
    std::string operator()(Null) const { return "null"; }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(std::uint64_t v) const { return fmt::format("{}", v); }
    std::string operator()(double v) const {
      std::string text =
          fmt::format("{}", v);  // a point or exponent keeps it a real when it is read back
      return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
    }
    std::string operator()(const std::string& v) const { return json_string(v); }
    std::string operator()(const std::vector<std::string>& v) const {
      std::string text;
      for (const std::string& item : v) text += (text.empty() ? "" : ", ") + json_string(item);
      return '[' + text + ']';
    }
    std::string operator()(Other) const { return "an object or a mixed list"; }
  };
  return std::visit(Printer{}, value);
}

std::string Document::to_text() const {
  std::string text;
  for (const auto& [name, value] : values_) {
    if (std::holds_alternative<Other>(value))
      throw Error(fmt::format("{}: {} is {} and cannot be written back", in_quotes(origin_),
                              in_quotes(name), text_of(value)));
    try {
      text +=
          fmt::format("{}  {}: {}", text.empty() ? "" : ",\n", json_string(name), text_of(value));
    } catch (const JsonError& error) {
      throw Error(fmt::format("{}: {}: {}", in_quotes(origin_), in_quotes(name), error.what()));
    }
  }
  return text.empty() ? "{}\n" : "{\n" + text + "\n}\n";
}

void Document::save(const std::string& path) const { write_file_atomically(path, to_text()); }

}  // namespace gptc::formats

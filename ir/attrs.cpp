#include "ir/attrs.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace gptc::ir {
namespace {

std::string text(bool value) { return value ? "true" : "false"; }
std::string text(std::int64_t value) { return std::to_string(value); }
std::string text(std::uint64_t value) { return fmt::format("0x{:016x}", value); }
std::string text(double value) {
  // Shortest text that reads back exactly; a point or exponent tells it from an integer.
  std::string digits = fmt::format("{}", value);
  const bool plain = digits.find_first_not_of("-0123456789") == std::string::npos;
  return plain ? digits + ".0" : digits;
}
std::string text(const std::string& value) {
  std::string quoted = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}
std::string text(const Ints& values) { return fmt::format("[{}]", fmt::join(values, ", ")); }
std::string text(const Strings& values) {
  std::string list;
  for (const std::string& value : values) list += (list.empty() ? "" : ", ") + text(value);
  return "[" + list + "]";
}
std::string text(const Shape& value) { return "[" + value.text() + "]"; }
std::string text(DType value) { return std::string(dtype_name(value)); }

}  // namespace

std::string attr_text(const AttrValue& value) {
  return std::visit([](const auto& typed) { return text(typed); }, value);
}

void Attrs::set(std::string_view name, AttrValue value) {
  auto at =
      std::lower_bound(values_.begin(), values_.end(), name,
                       [](const auto& entry, std::string_view key) { return entry.first < key; });
  if (at != values_.end() && at->first == name) {
    at->second = std::move(value);
  } else {
    values_.insert(at, {std::string(name), std::move(value)});
  }
}

const AttrValue* Attrs::find(std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace gptc::ir

#include "frontend/dsl/config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "ir/check.h"

namespace gptc::dsl {
namespace {

constexpr std::array<std::string_view, 4> type_names = {"true or false", "an integer", "a number",
                                                        "a text"};

template <class T>
T parse_number(std::string_view name, std::string_view text, std::string_view kind) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  ir::user_check(error == std::errc{} && end == text.data() + text.size(),
                 "setting {}: the value must be {}, but got '{}'", name, kind, text);
  return value;
}

}  // namespace

std::string setting_text(const Setting& setting) {
  struct Text {
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return fmt::format("{}", value); }
    std::string operator()(const std::string& value) const { return value; }
  };
  return std::visit(Text{}, setting);
}

Config::Config(std::initializer_list<std::pair<std::string, Setting>> settings) {
  for (const auto& [name, value] : settings) set(name, value);
}

bool Config::contains(std::string_view name) const {
  return std::any_of(begin(), end(), [&](const auto& entry) { return entry.first == name; });
}

const Setting& Config::at(std::string_view name) const {
  const auto found =
      std::find_if(begin(), end(), [&](const auto& entry) { return entry.first == name; });
  if (found != end()) return found->second;
  std::string known;
  for (const auto& [key, value] : settings_) known += (known.empty() ? "" : ", ") + key;
  ir::user_error("setting {}: the model must have it, but it has only: {}", name, known);
}

std::int64_t Config::integer(std::string_view name) const {
  const auto* value = std::get_if<std::int64_t>(&at(name));
  ir::user_check(value != nullptr, "setting {}: the value must be an integer, but got '{}'", name,
                 setting_text(at(name)));
  return *value;
}

double Config::real(std::string_view name) const {
  if (const auto* whole = std::get_if<std::int64_t>(&at(name))) return static_cast<double>(*whole);
  const auto* value = std::get_if<double>(&at(name));
  ir::user_check(value != nullptr && std::isfinite(*value),
                 "setting {}: the value must be a finite number, but got '{}'", name,
                 setting_text(at(name)));
  return *value;
}

bool Config::flag(std::string_view name) const {
  const auto* value = std::get_if<bool>(&at(name));
  ir::user_check(value != nullptr, "setting {}: the value must be true or false, but got '{}'",
                 name, setting_text(at(name)));
  return *value;
}

const std::string& Config::text(std::string_view name) const {
  const auto* value = std::get_if<std::string>(&at(name));
  ir::user_check(value != nullptr, "setting {}: the value must be a text, but got '{}'", name,
                 setting_text(at(name)));
  return *value;
}

void Config::set(std::string_view name, Setting value) {
  const auto found = std::find_if(settings_.begin(), settings_.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  if (found == settings_.end()) {
    settings_.emplace_back(std::string(name), std::move(value));
    return;
  }
  ir::user_check(found->second.index() == value.index(),
                 "setting {}: the value must be {}, but got '{}'", name,
                 type_names[found->second.index()], setting_text(value));
  found->second = std::move(value);
}

void Config::set_from_text(std::string_view name, std::string_view value) {
  switch (at(name).index()) {
    case 0:
      ir::user_check(value == "true" || value == "false",
                     "setting {}: the value must be true or false, but got '{}'", name, value);
      return set(name, value == "true");
    case 1:
      return set(name, parse_number<std::int64_t>(name, value, type_names[1]));
    case 2:
      return set(name, parse_number<double>(name, value, type_names[2]));
    default:
      return set(name, std::string(value));
  }
}

}  // namespace gptc::dsl

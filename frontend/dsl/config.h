// A model's hyperparameters by name: what the command line overrides and a checkpoint keeps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace gptc::dsl {

using Setting = std::variant<bool, std::int64_t, double, std::string>;

/// "true", "12", "0.1", "gpt2": as written in files and on the command line.
std::string setting_text(const Setting& setting);

/// Ordered as declared. A name keeps the type of its first value.
class Config {
 public:
  Config() = default;
  Config(std::initializer_list<std::pair<std::string, Setting>> settings);

  bool contains(std::string_view name) const;
  /// UserError naming the setting if it is absent or of another type; integers serve as reals.
  std::int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  bool flag(std::string_view name) const;
  const std::string& text(std::string_view name) const;

  void set(std::string_view name, Setting value);
  /// Reads `value` as the type the setting has; UserError for an unknown name (listing those there
  /// are) or a value that does not read as that type.
  void set_from_text(std::string_view name, std::string_view value);

  auto begin() const { return settings_.begin(); }
  auto end() const { return settings_.end(); }
  friend bool operator==(const Config&, const Config&) = default;

 private:
  const Setting& at(std::string_view name) const;
  std::vector<std::pair<std::string, Setting>> settings_;
};

}  // namespace gptc::dsl

#include "tools/driver/hub_config.h"

#include <algorithm>
#include <limits>

#include "frontend/formats/error.h"
#include "ir/check.h"

namespace gptc::driver {
namespace {

using formats::Document;

/// The key or the alias that the file has; "" if there is none.
std::string present(const Document& file, const dsl::HubKey& key) {
  if (file.has(key.name)) return key.name;
  const auto alias =
      std::ranges::find_if(key.aliases, [&](const std::string& name) { return file.has(name); });
  return alias == key.aliases.end() ? std::string() : *alias;
}

dsl::Setting read_value(const Document& file, const dsl::HubKey& key, const std::string& name) {
  if (std::holds_alternative<bool>(key.value)) return file.get_bool(name);
  if (std::holds_alternative<std::int64_t>(key.value)) return file.get_int(name, key.min, key.max);
  if (std::holds_alternative<double>(key.value)) return file.get_double(name, 0, 1);
  return file.get_string(name);
}

void check_value(const dsl::HubKey& key, const dsl::Setting& value, const std::string& path) {
  if (value == key.value || std::ranges::find(key.others, value) != key.others.end()) return;
  std::string allowed = dsl::setting_text(key.value);
  for (const dsl::Setting& other : key.others) allowed += " or " + dsl::setting_text(other);
  ir::user_error("{}: {} must be {}, which is all this program computes, but is {}", path, key.name,
                 allowed, formats::in_quotes(dsl::setting_text(value)));
}

/// Two names of one key must not say two things.
void check_aliases(const Document& file, const dsl::HubKey& key, const dsl::Setting& value,
                   const std::string& path) {
  for (const std::string& alias : key.aliases) {
    if (!file.has(alias)) continue;
    const dsl::Setting other = read_value(file, key, alias);
    ir::user_check(other == value, "{}: {} and {} must be equal, but are {} and {}", path, key.name,
                   alias, dsl::setting_text(value), dsl::setting_text(other));
  }
}

void put(Document& file, const std::string& name, const dsl::Setting& value) {
  if (const auto* flag = std::get_if<bool>(&value)) file.set_bool(name, *flag);
  if (const auto* whole = std::get_if<std::int64_t>(&value)) file.set_int(name, *whole);
  if (const auto* real = std::get_if<double>(&value)) file.set_double(name, *real);
  if (const auto* text = std::get_if<std::string>(&value)) file.set_string(name, *text);
}

dsl::Setting setting_of(const dsl::Config& config, const dsl::HubKey& key) {
  if (std::holds_alternative<bool>(key.value)) return config.flag(key.setting);
  if (std::holds_alternative<std::int64_t>(key.value)) return config.integer(key.setting);
  if (std::holds_alternative<double>(key.value)) return config.real(key.setting);
  return config.text(key.setting);
}

}  // namespace

dsl::Config read_hub_config(const dsl::HubForm& form, dsl::Config config, const Document& file,
                            const std::string& path) {
  ir::user_check(!file.has("quantization_config"),
                 "{}: quantization_config must be absent; give the folder of the plain weights",
                 path);
  for (const dsl::HubKey& key : form.keys) {
    const std::string name = present(file, key);
    const dsl::Setting value = name.empty() ? key.value : read_value(file, key, name);
    check_aliases(file, key, value, path);
    if (key.setting.empty())
      check_value(key, value, path);
    else
      config.set(key.setting, value);
  }
  return config;
}

formats::Document hub_config(const dsl::HubForm& form, const dsl::Config& config) {
  Document file("config.json");
  file.set_strings("architectures", {form.architecture});
  file.set_string(hub_type_key, form.model_type);
  for (const dsl::HubKey& key : form.keys) {
    const dsl::Setting value = key.setting.empty() ? key.value : setting_of(config, key);
    const auto* whole = std::get_if<std::int64_t>(&value);
    if (whole != nullptr && *whole < key.min)
      file.set_null(key.name);
    else
      put(file, key.name, value);
  }
  for (const auto& [name, value] : form.also(config)) put(file, name, value);
  return file;
}

}  // namespace gptc::driver

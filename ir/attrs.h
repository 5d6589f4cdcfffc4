// Typed attributes of a node; their names, kinds and defaults stand in the op's row.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ir/check.h"
#include "ir/type.h"

namespace gptc::ir {

using Ints = std::vector<std::int64_t>;
using Strings = std::vector<std::string>;
using AttrValue = std::variant<bool, std::int64_t, std::uint64_t, double, std::string, Ints,
                               Strings, Shape, DType>;

/// In the order of AttrValue's alternatives. `key` (u64) prints as 16 hexadecimal digits: 0x….
enum class AttrKind : std::uint8_t {
  boolean,
  integer,
  key,
  real,
  string,
  ints,
  strings,
  shape,
  dtype
};

/// true, 3, 0x00ff…, 1e-05, "text", [1, 2], ["a", "b"], [4xBx3], f32. Reals are printed shortest
/// and exact.
std::string attr_text(const AttrValue& value);

/// A small map ordered by name.
class Attrs {
 public:
  Attrs() = default;
  Attrs(std::initializer_list<std::pair<std::string, AttrValue>> values) {
    for (const auto& [name, value] : values) set(name, value);
  }
  void set(std::string_view name, AttrValue value);
  const AttrValue* find(std::string_view name) const;
  template <class T>
  const T& get(std::string_view name) const {
    const AttrValue* value = find(name);
    internal_check(value != nullptr, "attribute '{}' is missing", name);
    const T* typed = std::get_if<T>(value);
    internal_check(typed != nullptr, "attribute '{}' has another type than asked for", name);
    return *typed;
  }
  std::int64_t integer(std::string_view name) const { return get<std::int64_t>(name); }
  double real(std::string_view name) const { return get<double>(name); }
  bool flag(std::string_view name) const { return get<bool>(name); }
  std::uint64_t key(std::string_view name) const { return get<std::uint64_t>(name); }
  const std::string& string(std::string_view name) const { return get<std::string>(name); }
  const Ints& ints(std::string_view name) const { return get<Ints>(name); }
  const Strings& strings(std::string_view name) const { return get<Strings>(name); }

  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }
  bool empty() const { return values_.empty(); }
  friend bool operator==(const Attrs&, const Attrs&) = default;

 private:
  std::vector<std::pair<std::string, AttrValue>> values_;
};

}  // namespace gptc::ir

#include "tests/support/op_case.h"

#include <charconv>

#include "ir/check.h"

namespace gptc::testing {

namespace {

ir::Dim dim_of(std::string_view text) {
  if (text.size() == 1 && text[0] >= 'A' && text[0] <= 'Z') return ir::Dim::named(text[0]);
  std::int64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  ir::internal_check(error == std::errc() && end == text.data() + text.size(),
                     "'{}' is no dimension", text);
  return {size};
}

}  // namespace

ir::Type type_of(std::string_view text) {
  const std::size_t open = text.find('[');
  ir::internal_check(open != std::string_view::npos && text.back() == ']', "'{}' is no type", text);
  const auto dtype = ir::parse_dtype(text.substr(0, open));
  ir::internal_check(dtype.has_value(), "'{}' is no type", text);
  std::vector<ir::Dim> dims;
  std::string_view rest = text.substr(open + 1, text.size() - open - 2);
  while (!rest.empty()) {
    const std::size_t end = rest.find('x');
    dims.push_back(dim_of(rest.substr(0, end)));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return {*dtype, ir::Shape(std::move(dims))};
}

std::vector<ir::Type> types_of(std::string_view text) {
  std::vector<ir::Type> types;
  while (!text.empty()) {
    const std::size_t end = text.find(", ");
    types.push_back(type_of(text.substr(0, end)));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 2);
  }
  return types;
}

std::string text_of(const std::vector<ir::Type>& types) {
  std::string text;
  for (const ir::Type& type : types) text += (text.empty() ? "" : ", ") + type.text();
  return text;
}

}  // namespace gptc::testing

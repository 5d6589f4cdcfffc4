#include "frontend/formats/json_events.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <unordered_set>
#include <vector>

#include "frontend/formats/error.h"

namespace gptc::formats {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_depth = 64;

/// Adds the rules that JSON itself leaves open and hands the events on.
class Strict : public nlohmann::json_sax<Json> {
 public:
  explicit Strict(JsonEvents& events) : events_(events) {}

  bool null() override { return events_.null(), true; }
  bool boolean(bool value) override { return events_.boolean(value), true; }
  bool number_integer(number_integer_t value) override { return events_.negative(value), true; }
  bool number_unsigned(number_unsigned_t value) override { return events_.natural(value), true; }
  bool number_float(number_float_t value, const string_t&) override {
    return events_.real(value), true;
  }
  bool string(string_t& value) override { return events_.string(value), true; }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override {
    enter();
    return events_.begin_object(), true;
  }
  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second)
      throw JsonError(fmt::format("key {} occurs twice", in_quotes(name)));
    return events_.key(name), true;
  }
  bool end_object() override {
    keys_.pop_back();
    return events_.end_object(), true;
  }
  bool start_array(std::size_t) override {
    enter();
    return events_.begin_array(), true;
  }
  bool end_array() override {
    keys_.pop_back();
    return events_.end_array(), true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    throw JsonError(fmt::format("not valid JSON at byte {}", position));
  }

 private:
  void enter() {
    if (keys_.size() == max_depth) throw JsonError(fmt::format("nested deeper than {}", max_depth));
    keys_.emplace_back();
  }

  JsonEvents& events_;
  std::vector<std::unordered_set<std::string>> keys_;
};

}  // namespace

void parse_json(std::string_view text, JsonEvents& events) {
  Strict strict(events);
  Json::sax_parse(text.data(), text.data() + text.size(), &strict);
}

std::string json_string(std::string_view text) {
  try {
    return Json(text).dump();
  } catch (const nlohmann::detail::exception&) {
    throw JsonError(fmt::format("{} is not valid UTF-8", in_quotes(text)));
  }
}

}  // namespace gptc::formats

#include "frontend/tokenizer/json_reader.h"

#include <iterator>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <vector>

#include "frontend/tokenizer/error.h"

namespace gptc::tokenizer {
namespace {

using nlohmann::json;

constexpr std::size_t kDeepest = 16;

/// Walks a text and leaves word of how far the parser has read.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, std::size_t& count) : at_(at), count_(&count) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*count_;
    return *this;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  std::size_t* count_;
};

}  // namespace

/// Between the library's events and ours: checks the nesting and the keys.
class JsonReader : public json::json_sax_t {
 public:
  JsonReader(const std::string& name, JsonHandler& handler) : name_(name), handler_(handler) {}

  std::size_t& position() { return handler_.byte_; }

  bool start_object(std::size_t) override {
    enter();
    handler_.begin_object();
    return true;
  }
  bool end_object() override {
    open_.pop_back();
    handler_.end_object();
    return true;
  }
  bool start_array(std::size_t) override {
    enter();
    handler_.begin_array();
    return true;
  }
  bool end_array() override {
    open_.pop_back();
    handler_.end_array();
    return true;
  }
  bool key(std::string& name) override {
    if (!open_.back().insert(name).second) {
      fail(std::string(handler_.key_noun()) + " " + show_token(name) + " occurs twice");
    }
    handler_.key(name);
    return true;
  }
  bool null() override {
    handler_.null();
    return true;
  }
  bool boolean(bool value) override {
    handler_.boolean(value);
    return true;
  }
  bool number_unsigned(std::uint64_t value) override {
    handler_.natural(value);
    return true;
  }
  bool number_integer(std::int64_t value) override {
    handler_.number(static_cast<double>(value));
    return true;
  }
  bool number_float(double value, const std::string&) override {
    handler_.number(value);
    return true;
  }
  bool string(std::string& value) override {
    handler_.string(value);
    return true;
  }
  bool binary(json::binary_t&) override { fail("a binary value"); }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    const std::string_view what = error.what();
    const std::size_t detail = what.find(": ");
    throw Error(name_ + ": byte " + std::to_string(position) + ": not valid JSON: " +
                std::string(detail == what.npos ? what : what.substr(detail + 2)));
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(name_ + ": byte " + std::to_string(handler_.byte()) + ": " + what);
  }
  void enter() {
    if (open_.size() == kDeepest)
      fail("nested deeper than " + std::to_string(kDeepest) + ", which no vocabulary needs");
    open_.emplace_back();
  }

  const std::string& name_;
  JsonHandler& handler_;
  std::vector<std::unordered_set<std::string>> open_;  // the keys of what is being read
};

void read_json(const std::string& name, std::string_view text, JsonHandler& handler) {
  JsonReader reader(name, handler);
  json::sax_parse(CountingIterator(text.data(), reader.position()),
                  CountingIterator(text.data() + text.size(), reader.position()), &reader);
}

std::string json_string(std::string_view text) {
  try {
    return json(text).dump();
  } catch (const json::exception&) {
    throw Error("token " + show_token(text) + " is not UTF-8, so JSON cannot hold it");
  }
}

std::string show_token(std::string_view token) {
  constexpr std::size_t kLongest = 60;
  std::string shown(token.substr(0, kLongest));
  if (token.size() > kLongest) shown += "...";
  return json(shown).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace gptc::tokenizer

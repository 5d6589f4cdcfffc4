#include "frontend/tokenizer/vocab_json.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "frontend/tokenizer/error.h"

namespace gptc::tokenizer {
namespace {

using nlohmann::json;

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

/// Takes the parser's events; nothing but one flat object of integers gets through.
class VocabHandler : public json::json_sax_t {
 public:
  VocabHandler(const std::string& name, const std::size_t& read) : name_(name), read_(read) {}

  std::vector<VocabEntry> take() { return std::move(entries_); }

  bool start_object(std::size_t) override {
    if (inside_) fail_value();
    inside_ = true;
    return true;
  }
  bool end_object() override { return true; }

  bool key(std::string& token) override {
    if (token.empty()) fail("an empty token");
    if (!seen_.insert(token).second) fail("token " + show_token(token) + " occurs twice");
    entries_.push_back({token, -1, read_});
    return true;
  }

  bool number_unsigned(std::uint64_t id) override {
    if (!inside_ || id > std::numeric_limits<std::int32_t>::max()) fail_value();
    entries_.back().id = static_cast<std::int32_t>(id);
    return true;
  }

  bool null() override { return fail_value(); }
  bool boolean(bool) override { return fail_value(); }
  bool number_integer(std::int64_t) override { return fail_value(); }
  bool number_float(double, const std::string&) override { return fail_value(); }
  bool string(std::string&) override { return fail_value(); }
  bool binary(json::binary_t&) override { return fail_value(); }
  bool start_array(std::size_t) override { return fail_value(); }
  bool end_array() override { return fail_value(); }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    const std::string_view what = error.what();
    const std::size_t detail = what.find(": ");
    throw Error(name_ + ": byte " + std::to_string(position) + ": not valid JSON: " +
                std::string(detail == what.npos ? what : what.substr(detail + 2)));
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(name_ + ": byte " + std::to_string(read_) + ": " + what +
                "; a vocabulary is one JSON object that gives every token its own id");
  }
  bool fail_value() const {
    if (!inside_) fail("not an object");
    if (entries_.empty()) fail("not a token");
    fail("the id of " + show_token(entries_.back().token) +
         " is not an integer from 0 to 2147483647");
  }

  const std::string& name_;
  const std::size_t& read_;
  bool inside_ = false;
  std::unordered_set<std::string> seen_;
  std::vector<VocabEntry> entries_;
};

[[noreturn]] void fail_entry(const std::string& name, const VocabEntry& entry,
                             const std::string& what) {
  throw Error(name + ": byte " + std::to_string(entry.byte) + ": token " + show_token(entry.token) +
              what);
}

}  // namespace

std::vector<VocabEntry> parse_vocab_json(const std::string& name, std::string_view text) {
  std::size_t read = 0;
  VocabHandler handler(name, read);
  json::sax_parse(CountingIterator(text.data(), read),
                  CountingIterator(text.data() + text.size(), read), &handler);
  std::vector<VocabEntry> entries = handler.take();

  std::vector<VocabEntry> by_id(entries.size());
  for (VocabEntry& entry : entries) {
    const auto id = static_cast<std::size_t>(entry.id);
    if (id >= entries.size()) {
      fail_entry(name, entry,
                 " has id " + std::to_string(id) + ", but the ids of " +
                     std::to_string(entries.size()) + " tokens must be 0 to " +
                     std::to_string(entries.size() - 1));
    }
    if (!by_id[id].token.empty()) {
      fail_entry(name, entry,
                 " has id " + std::to_string(id) + ", which " + show_token(by_id[id].token) +
                     " has already");
    }
    by_id[id] = std::move(entry);
  }
  return by_id;
}

std::string vocab_json(const Vocabulary& vocabulary) {
  std::string out = "{";
  for (std::int32_t id = 0; id < vocabulary.size(); ++id) {
    if (id > 0) out += ", ";
    out += json(vocabulary.text(id)).dump() + ": " + std::to_string(id);
  }
  return out + "}\n";
}

std::string show_token(std::string_view token) {
  constexpr std::size_t kLongest = 60;
  std::string shown(token.substr(0, kLongest));
  if (token.size() > kLongest) shown += "...";
  return json(shown).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace gptc::tokenizer

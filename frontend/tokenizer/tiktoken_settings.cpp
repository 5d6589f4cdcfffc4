#include <limits>
#include <utility>

#include "frontend/tokenizer/error.h"
#include "frontend/tokenizer/json_reader.h"
#include "frontend/tokenizer/tiktoken_file.h"

namespace gptc::tokenizer {
namespace {

/// {"pattern": NAME, "special_tokens": {TEXT: ID, ...}}
class SettingsHandler : public JsonHandler {
 public:
  explicit SettingsHandler(const std::string& name) : name_(name) {}

  TiktokenSettings take() {
    if (!has_pattern_) fail("there is no \"pattern\"");
    return std::move(settings_);
  }

  void begin_object() override {
    ++depth_;
    if (depth_ == 2 && key_ != "special_tokens") reject();
    if (depth_ > 2) reject();
  }
  void end_object() override { --depth_; }
  void key(std::string& name) override {
    key_ = std::move(name);
    if (depth_ == 2 && key_.empty()) fail("an empty token");
    if (depth_ == 1 && key_ != "pattern" && key_ != "special_tokens")
      fail(show_token(key_) + " is not known here");
  }
  void string(std::string& value) override {
    if (depth_ != 1 || key_ != "pattern") reject();
    const auto pattern = pattern_of(value);
    if (!pattern) fail("pattern " + show_token(value) + " is none of gpt2, gpt4, none");
    settings_.pattern = *pattern;
    has_pattern_ = true;
  }
  void natural(std::uint64_t value) override {
    if (depth_ != 2 || value >= std::numeric_limits<std::int32_t>::max()) reject();
    settings_.specials.push_back({key_, static_cast<std::int32_t>(value)});
  }
  void begin_array() override { reject(); }
  void end_array() override {}
  void null() override { reject(); }
  void boolean(bool) override { reject(); }
  void number(double) override { reject(); }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(name_ + ": byte " + std::to_string(byte()) + ": " + what);
  }
  [[noreturn]] void reject() const {
    fail("must be like {\"pattern\": \"gpt2\", \"special_tokens\": {\"<|endoftext|>\": 50256}}");
  }

  const std::string& name_;
  TiktokenSettings settings_;
  bool has_pattern_ = false;
  int depth_ = 0;
  std::string key_;
};

}  // namespace

TiktokenSettings parse_tiktoken_settings(const NamedText& file) {
  SettingsHandler handler(file.name);
  read_json(file.name, file.text, handler);
  return handler.take();
}

std::string tiktoken_settings(const Vocabulary& vocabulary) {
  std::string specials;
  for (const std::int32_t id : vocabulary.specials()) {
    if (!specials.empty()) specials += ", ";
    specials += json_string(vocabulary.bytes(id)) + ": " + std::to_string(id);
  }
  return "{\"pattern\": \"" + std::string(pattern_name(vocabulary.pattern())) +
         "\", \"special_tokens\": {" + specials + "}}\n";
}

}  // namespace gptc::tokenizer

#include "frontend/tokenizer/tokenizer_json_settings.h"

#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

#include "frontend/tokenizer/error.h"
#include "frontend/tokenizer/json_reader.h"

namespace gptc::tokenizer {
namespace {

using nlohmann::json;

/// A value and where in the file it stands: "model.dropout", "added_tokens[2].id".
class Field {
 public:
  Field(const std::string& file, std::string path, const json& value)
      : file_(file), path_(std::move(path)), value_(value) {}

  const json& value() const { return value_; }
  bool is_null() const { return value_.is_null(); }
  std::size_t size() const { return value_.size(); }

  [[noreturn]] void fail(const std::string& rule) const {
    std::string shown = value_.dump(-1, ' ', false, json::error_handler_t::replace);
    if (shown.size() > 80) shown = shown.substr(0, 80) + "...";
    throw Error(file_ + ": " + (path_.empty() ? "the file" : path_) + ": " + rule + ", but is " +
                shown);
  }

  /// A member; null where there is none.
  Field operator[](const char* key) const {
    static const json null;
    const auto at = value_.find(key);
    return {file_, path_.empty() ? key : path_ + '.' + key, at == value_.end() ? null : *at};
  }
  Field at(std::size_t index) const {
    return {file_, path_ + '[' + std::to_string(index) + ']', value_[index]};
  }

  void require_object(std::initializer_list<std::string_view> known) const {
    if (!value_.is_object()) fail("must be an object");
    for (const auto& [key, value] : value_.items()) {
      bool found = false;
      for (const std::string_view name : known) found = found || name == key;
      if (!found) {
        Field(file_, path_.empty() ? key : path_ + '.' + key, value)
            .fail("is not known here, and may change ids");
      }
    }
  }
  void require_list() const {
    if (!value_.is_array()) fail("must be a list");
  }
  void require_null(const char* why) const {
    if (!is_null()) fail(std::string("must be null (") + why + ')');
  }
  void require_false(const char* why) const {
    if (!is_null() && value_ != false) fail(std::string("must be false (") + why + ')');
  }
  void require_empty(const char* why) const {
    if (!is_null() && !is("")) fail(std::string("must be null or \"\" (") + why + ')');
  }
  void require_boolean() const {
    if (!is_null() && !value_.is_boolean()) fail("must be true or false");
  }
  std::string text() const {
    if (!value_.is_string()) fail("must be a text");
    return value_.get<std::string>();
  }
  bool is(const char* text) const { return value_ == text; }

 private:
  const std::string& file_;
  std::string path_;
  const json& value_;
};

constexpr const char* kNoSuchThing = "gptc has nothing like it";

bool read_model(const Field& model) {
  model.require_object({"type", "dropout", "unk_token", "continuing_subword_prefix",
                        "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges"});
  if (!model["type"].is_null() && !model["type"].is("BPE")) model["type"].fail("must be \"BPE\"");
  const Field dropout = model["dropout"];
  if (!dropout.is_null() && !(dropout.value().is_number() && dropout.value() == 0))
    dropout.fail("must be null or 0 (ids would be random)");
  model["unk_token"].require_null("every byte has a token, so nothing is unknown");
  model["continuing_subword_prefix"].require_empty("it would change tokens");
  model["end_of_word_suffix"].require_empty("it would change tokens");
  model["fuse_unk"].require_boolean();
  model["byte_fallback"].require_false("bytes are tokens already");
  model["ignore_merges"].require_boolean();
  return model["ignore_merges"].value() == true;
}

/// The pre-tokenizer that turns bytes into characters; returns whether it splits too.
bool read_byte_level(const Field& step) {
  step.require_object({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  if (step["add_prefix_space"].value() != false)
    step["add_prefix_space"].fail("must be false (it would put a space before a text)");
  step["trim_offsets"].require_boolean();
  step["use_regex"].require_boolean();
  return step["use_regex"].value() != false;
}

Pattern read_split(const Field& step) {
  step.require_object({"type", "pattern", "behavior", "invert"});
  step["pattern"].require_object({"Regex"});
  const Field regex = step["pattern"]["Regex"];
  if (!step["behavior"].is("Isolated")) step["behavior"].fail("must be \"Isolated\"");
  step["invert"].require_false(kNoSuchThing);
  for (const Pattern pattern : {Pattern::gpt2, Pattern::gpt4}) {
    if (regex.text() == pattern_regex(pattern)) return pattern;
  }
  regex.fail("must be the pattern of gpt2 or gpt4 as gptc writes it");
}

Pattern read_pre_tokenizer(const Field& step) {
  if (step.is_null()) step.fail("must turn bytes into characters (ByteLevel)");
  if (!step.value().is_object()) step.fail("must be an object");
  if (step["type"].is("ByteLevel")) return read_byte_level(step) ? Pattern::gpt2 : Pattern::none;
  if (!step["type"].is("Sequence"))
    step["type"].fail("must be \"ByteLevel\", or \"Sequence\" of Split and ByteLevel");
  step.require_object({"type", "pretokenizers"});
  const Field steps = step["pretokenizers"];
  steps.require_list();
  if (steps.size() != 2 || !steps.at(0).value().is_object() || !steps.at(0)["type"].is("Split") ||
      !steps.at(1).value().is_object() || !steps.at(1)["type"].is("ByteLevel"))
    steps.fail("must be one Split and one ByteLevel");
  const Pattern pattern = read_split(steps.at(0));
  if (read_byte_level(steps.at(1)))
    steps.at(1)["use_regex"].fail("must be false behind a Split (pieces would be cut twice)");
  return pattern;
}

/// A post-processor or decoder that leaves ids alone.
void require_byte_level(const Field& step) {
  if (step.is_null()) return;
  if (!step.value().is_object() || !step["type"].is("ByteLevel"))
    step.fail("must be null or ByteLevel");
  step.require_object({"type", "add_prefix_space", "trim_offsets", "use_regex"});
}

/// Whether no two tokens can overlap in a text, whatever the tokens: "<", no "<" or ">", ">".
bool stands_apart(std::string_view token) {
  return token.size() >= 2 && token.find('<', 1) == token.npos && token.front() == '<' &&
         token.find('>') == token.size() - 1;
}

AddedToken read_added(const Field& token) {
  token.require_object(
      {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
  const Field id = token["id"];
  if (!id.value().is_number_unsigned() ||
      id.value().get<std::uint64_t>() >= std::numeric_limits<std::int32_t>::max())
    id.fail("must be an integer from 0 to 2147483646");
  AddedToken added{token["content"].text(), id.value().get<std::int32_t>()};
  if (added.content.empty()) token["content"].fail("must not be empty");
  token["single_word"].require_false(kNoSuchThing);
  token["lstrip"].require_false("it would take blanks from the text");
  token["rstrip"].require_false("it would take blanks from the text");
  token["normalized"].require_boolean();
  if (token["special"].value() != true)
    token["special"].fail("must be true (others are found in any text, before merging)");
  return added;
}

std::vector<AddedToken> read_added_tokens(const Field& list) {
  std::vector<AddedToken> added;
  if (list.is_null()) return added;
  list.require_list();
  bool apart = true;
  for (std::size_t i = 0; i < list.size(); ++i) {
    added.push_back(read_added(list.at(i)));
    apart = apart && stands_apart(added.back().content);
    // Those that are not normalized are looked for first; that matters where two overlap.
    if (!apart && list.at(i)["normalized"].value() != list.at(0)["normalized"].value())
      list.at(i)["normalized"].fail("must be the same for all added tokens that may overlap");
  }
  return added;
}

}  // namespace

TokenizerSettings read_tokenizer_settings(const std::string& name, const json& root) {
  const Field file(name, "", root);
  file.require_object({"version", "truncation", "padding", "added_tokens", "normalizer",
                       "pre_tokenizer", "post_processor", "decoder", "model"});
  const Field version = file["version"];
  if (!version.is_null() && !version.is("1.0")) version.fail("must be \"1.0\"");
  file["truncation"].require_null("it would cut a text's ids");
  file["padding"].require_null("it would add ids");
  file["normalizer"].require_null("it would change the text");
  TokenizerSettings settings;
  settings.ignore_merges = read_model(file["model"]);
  settings.pattern = read_pre_tokenizer(file["pre_tokenizer"]);
  require_byte_level(file["post_processor"]);
  require_byte_level(file["decoder"]);
  settings.added = read_added_tokens(file["added_tokens"]);
  return settings;
}

}  // namespace gptc::tokenizer

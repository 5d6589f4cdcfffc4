#include "frontend/tokenizer/tokenizer_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "frontend/tokenizer/error.h"
#include "frontend/tokenizer/json_reader.h"
#include "frontend/tokenizer/tokenizer_json_settings.h"
#include "frontend/tokenizer/vocab_json.h"
#include "frontend/tokenizer/vocabulary_builder.h"

namespace gptc::tokenizer {
namespace {

using nlohmann::json;

constexpr std::size_t kMostValues = 1 << 20;  // besides tokens and merges

struct MergeText {
  std::string left;
  std::string right;
};

std::string merge_place(std::size_t rank) { return "model.merges[" + std::to_string(rank) + ']'; }

/// Takes tokens and merges as they come and makes a tree of the rest, which is small.
class TokenizerHandler : public JsonHandler {
 public:
  explicit TokenizerHandler(const std::string& name)
      : name_(name), entries_(name + ": model.vocab") {}

  void begin_object() override {
    if (where_ == Where::vocab) entries_.reject_value(byte());
    if (where_ != Where::rest) fail_merge();
    if (at_model("vocab")) {
      where_ = Where::vocab;
      has_vocab_ = true;
    } else {
      open_.push_back(add(json::object()));
    }
  }
  void end_object() override { leave(); }
  void begin_array() override {
    if (where_ == Where::vocab) entries_.reject_value(byte());
    if (where_ == Where::pair) fail_merge();
    if (where_ == Where::merges) {
      where_ = Where::pair;
      parts_.clear();
    } else if (at_model("merges")) {
      where_ = Where::merges;
      has_merges_ = true;
    } else {
      open_.push_back(add(json::array()));
    }
  }
  void end_array() override {
    if (where_ != Where::pair) return leave();
    if (parts_.size() != 2) fail_merge();
    merges_.push_back({std::move(parts_[0]), std::move(parts_[1])});
    where_ = Where::merges;
  }
  void key(std::string& name) override {
    if (where_ == Where::vocab) return entries_.key(std::move(name), byte());
    key_ = std::move(name);
  }
  void string(std::string& value) override {
    if (where_ == Where::pair) {
      if (parts_.size() == 2 || value.empty()) fail_merge();
      parts_.push_back(std::move(value));
    } else if (where_ == Where::merges) {
      add_legacy_merge(value);
    } else {
      scalar(std::move(value));
    }
  }
  void natural(std::uint64_t value) override {
    if (where_ == Where::vocab) return entries_.id(value, byte());
    scalar(value);
  }
  void null() override { scalar(nullptr); }
  void boolean(bool value) override { scalar(value); }
  void number(double value) override { scalar(value); }
  std::string_view key_noun() const override { return where_ == Where::vocab ? "token" : "key"; }

  const json& root() const { return root_; }
  bool complete() const { return has_vocab_ && has_merges_; }
  std::vector<VocabEntry> take_entries() { return entries_.take(); }
  const std::vector<MergeText>& merges() const { return merges_; }

 private:
  enum class Where { rest, vocab, merges, pair };

  bool at_model(const char* key) const { return open_.size() == 2 && in_model_ && key_ == key; }

  [[noreturn]] void fail_merge() const {
    throw Error(name_ + ": byte " + std::to_string(byte()) + ": " + merge_place(merges_.size()) +
                ": a merge is \"left right\" or [\"left\", \"right\"]");
  }

  void add_legacy_merge(const std::string& text) {
    const std::size_t space = text.find(' ');
    if (space == text.npos || space == 0 || space + 1 == text.size() ||
        text.find(' ', space + 1) != text.npos)
      fail_merge();
    merges_.push_back({text.substr(0, space), text.substr(space + 1)});
  }

  void scalar(json value) {
    if (where_ == Where::vocab) entries_.reject_value(byte());
    if (where_ != Where::rest) fail_merge();
    add(std::move(value));
  }

  json* add(json value) {
    if (++values_ > kMostValues) {
      throw Error(name_ + ": byte " + std::to_string(byte()) + ": more than " +
                  std::to_string(kMostValues) + " values besides tokens and merges");
    }
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json& parent = *open_.back();
    if (open_.size() == 1) in_model_ = key_ == "model";
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }

  void leave() {
    if (where_ == Where::rest) {
      open_.pop_back();
    } else {
      where_ = Where::rest;
    }
  }

  const std::string& name_;
  VocabEntries entries_;
  std::vector<MergeText> merges_;
  std::vector<std::string> parts_;  // of the merge being read
  Where where_ = Where::rest;
  bool has_vocab_ = false;
  bool has_merges_ = false;
  bool in_model_ = false;  // the value open below the root is "model"
  json root_;
  std::vector<json*> open_;
  std::string key_;
  std::size_t values_ = 0;
};

/// Special tokens may stand in the vocabulary or be further ones.
void add_special_entries(const NamedText& file, const std::vector<AddedToken>& added,
                         std::vector<VocabEntry>& entries) {
  std::unordered_map<std::string_view, std::int32_t> ids;
  for (const VocabEntry& entry : entries) ids.emplace(entry.token, entry.id);
  std::vector<VocabEntry> further;
  for (std::size_t i = 0; i < added.size(); ++i) {
    const auto [at, fresh] = ids.emplace(added[i].content, added[i].id);
    if (fresh) {
      further.push_back({added[i].content, added[i].id, file.text.size()});
    } else if (at->second != added[i].id) {
      throw Error(file.name + ": added_tokens[" + std::to_string(i) + "].id: must be " +
                  std::to_string(at->second) + " as for the same token elsewhere, but is " +
                  std::to_string(added[i].id));
    }
  }
  entries.insert(entries.end(), further.begin(), further.end());
}

/// Without merging, a whole piece is looked up: the same if merging reaches every token.
void check_reached(const NamedText& file, const Vocabulary& vocabulary) {
  for (std::int32_t id = 0; id < vocabulary.size(); ++id) {
    const std::string_view bytes = vocabulary.bytes(id);
    const auto specials = vocabulary.specials();
    if (bytes.empty() || std::binary_search(specials.begin(), specials.end(), id)) continue;
    if (vocabulary.whole(bytes) == id) continue;
    throw Error(file.name +
                ": model.ignore_merges: must be false, as merging does not reach token " +
                show_token(vocabulary.text(id)) + ", but is true");
  }
}

}  // namespace

std::shared_ptr<const Vocabulary> parse_tokenizer_json(const NamedText& file) {
  TokenizerHandler handler(file.name);
  read_json(file.name, file.text, handler);
  const TokenizerSettings settings = read_tokenizer_settings(file.name, handler.root());
  if (!handler.complete()) {
    throw Error(file.name + ": model: must have a vocab (an object) and merges (a list)");
  }
  std::vector<VocabEntry> entries = handler.take_entries();
  add_special_entries(file, settings.added, entries);
  VocabularyBuilder builder(entries_by_id(file.name, std::move(entries), UnusedIds::allowed),
                            {.vocab = file.name, .merges = file.name, .merge_place = merge_place});
  for (const MergeText& merge : handler.merges()) builder.add_merge(merge.left, merge.right);
  for (const AddedToken& token : settings.added) builder.mark_special(token.id);
  auto vocabulary = std::move(builder).build(settings.pattern);
  if (settings.ignore_merges) check_reached(file, *vocabulary);
  return vocabulary;
}

}  // namespace gptc::tokenizer

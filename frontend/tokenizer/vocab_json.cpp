#include "frontend/tokenizer/vocab_json.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "frontend/tokenizer/error.h"
#include "frontend/tokenizer/json_reader.h"

namespace gptc::tokenizer {
namespace {

constexpr std::size_t kMostUnused = 65536;

/// Nothing but one flat object of integers gets through.
class VocabHandler : public JsonHandler {
 public:
  explicit VocabHandler(const std::string& name) : entries_(name) {}

  std::vector<VocabEntry> take() { return entries_.take(); }

  void begin_object() override {
    if (inside_) reject();
    inside_ = true;
  }
  void end_object() override {}
  void key(std::string& token) override { entries_.key(std::move(token), byte()); }
  void natural(std::uint64_t id) override {
    if (!inside_) reject();
    entries_.id(id, byte());
  }
  void null() override { reject(); }
  void boolean(bool) override { reject(); }
  void number(double) override { reject(); }
  void string(std::string&) override { reject(); }
  void begin_array() override { reject(); }
  void end_array() override { reject(); }
  std::string_view key_noun() const override { return "token"; }

 private:
  [[noreturn]] void reject() const {
    if (!inside_) entries_.fail(byte(), "not an object");
    entries_.reject_value(byte());
  }

  VocabEntries entries_;
  bool inside_ = false;
};

[[noreturn]] void fail_entry(const std::string& name, const VocabEntry& entry,
                             const std::string& what) {
  throw Error(name + ": byte " + std::to_string(entry.byte) + ": token " + show_token(entry.token) +
              what);
}

std::size_t id_count(const std::string& name, const std::vector<VocabEntry>& entries,
                     UnusedIds unused) {
  if (unused == UnusedIds::forbidden || entries.empty()) return entries.size();
  const auto last = std::max_element(entries.begin(), entries.end(),
                                     [](const auto& a, const auto& b) { return a.id < b.id; });
  const std::size_t count = static_cast<std::size_t>(last->id) + 1;
  if (count > entries.size() + kMostUnused) {
    fail_entry(name, *last,
               " has id " + std::to_string(last->id) + ", but " + std::to_string(entries.size()) +
                   " tokens may leave at most " + std::to_string(kMostUnused) + " ids unused");
  }
  return count;
}

}  // namespace

void VocabEntries::fail(std::size_t byte, const std::string& what) const {
  throw Error(name_ + ": byte " + std::to_string(byte) + ": " + what +
              "; a vocabulary is one JSON object that gives every token its own id");
}

void VocabEntries::reject_value(std::size_t byte) const {
  if (entries_.empty()) fail(byte, "not a token");
  fail(byte, "the id of " + show_token(entries_.back().token) +
                 " is not an integer from 0 to 2147483646");
}

void VocabEntries::key(std::string token, std::size_t byte) {
  if (token.empty()) fail(byte, "an empty token");
  entries_.push_back({std::move(token), -1, byte});
}

void VocabEntries::id(std::uint64_t id, std::size_t byte) {
  if (id >= std::numeric_limits<std::int32_t>::max()) reject_value(byte);
  entries_.back().id = static_cast<std::int32_t>(id);
}

std::vector<VocabEntry> entries_by_id(const std::string& name, std::vector<VocabEntry> entries,
                                      UnusedIds unused) {
  const std::size_t count = id_count(name, entries, unused);
  std::vector<VocabEntry> by_id(count, VocabEntry{"", -1, 0});
  for (VocabEntry& entry : entries) {
    const auto id = static_cast<std::size_t>(entry.id);
    if (id >= count) {
      fail_entry(name, entry,
                 " has id " + std::to_string(id) + ", but the ids of " + std::to_string(count) +
                     " tokens must be 0 to " + std::to_string(count - 1));
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

std::vector<VocabEntry> parse_vocab_json(const std::string& name, std::string_view text) {
  VocabHandler handler(name);
  read_json(name, text, handler);
  return entries_by_id(name, handler.take(), UnusedIds::forbidden);
}

std::string vocab_json(const Vocabulary& vocabulary) {
  std::string out = "{";
  for (std::int32_t id = 0; id < vocabulary.size(); ++id) {
    if (vocabulary.bytes(id).empty()) continue;
    if (out.size() > 1) out += ", ";
    out += json_string(vocabulary.text(id)) + ": " + std::to_string(id);
  }
  return out + "}\n";
}

}  // namespace gptc::tokenizer

#include "frontend/tokenizer/vocabulary_files.h"

#include <cstdint>
#include <fstream>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "frontend/tokenizer/byte_map.h"
#include "frontend/tokenizer/error.h"
#include "frontend/tokenizer/vocab_json.h"

namespace gptc::tokenizer {
namespace {

constexpr std::uintmax_t kLargestFile = std::uintmax_t{256} << 20;  // bytes
constexpr std::string_view kHeader = "#version";

using IdOfToken = std::unordered_map<std::string_view, std::int32_t>;

/// Reads the lines of a merges file one by one and says which line is wrong.
class MergesParser {
 public:
  MergesParser(const NamedText& file, const IdOfToken& ids) : file_(file), ids_(ids) {}

  std::vector<Merge> run() {
    std::string_view rest = file_.text;
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
      ++line_;
      if (line_ == 1) {
        check_header(line);
      } else {
        add(line);
      }
    }
    if (line_ == 0) fail("the file is empty");
    return std::move(merges_);
  }

  /// The line that merge `rank` stands in.
  static std::size_t line_of(std::size_t rank) { return rank + 2; }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(file_.name + ": line " + std::to_string(line_) + ": " + what);
  }

  void check_header(std::string_view line) const {
    if (line.substr(0, kHeader.size()) == kHeader) return;
    fail("the first line must be a header such as \"#version: 0.2\", but is " + show_token(line));
  }

  std::int32_t id_of(std::string_view token) const {
    const auto at = ids_.find(token);
    if (at == ids_.end()) fail("token " + show_token(token) + " is not in the vocabulary");
    return at->second;
  }

  void add(std::string_view line) {
    const std::size_t space = line.find(' ');
    if (space == line.npos || space == 0 || space + 1 == line.size() ||
        line.find(' ', space + 1) != line.npos) {
      fail("a merge is two tokens with one space between, but this is " + show_token(line));
    }
    const std::string_view left = line.substr(0, space);
    const std::string_view right = line.substr(space + 1);
    joined_.assign(left).append(right);
    const Merge merge{id_of(left), id_of(right), id_of(joined_)};
    const auto rank = static_cast<std::uint32_t>(merges_.size());
    const std::uint32_t first = pairs_.find_or_add(pair_key(merge.left, merge.right), rank);
    if (first != rank) {
      fail("merge " + show_token(line) + " stands in line " + std::to_string(line_of(first)) +
           " already");
    }
    merges_.push_back(merge);
  }

  const NamedText& file_;
  const IdOfToken& ids_;
  std::size_t line_ = 0;
  std::string joined_;
  PairMap pairs_;
  std::vector<Merge> merges_;
};

bool looks_special(std::string_view token) {
  return token.size() >= 3 && token.front() == '<' && token.back() == '>';
}

/// Which tokens merging can make: the single bytes and the results of merges.
std::vector<bool> made_tokens(const IdOfToken& ids, const std::vector<Merge>& merges,
                              const std::string& vocab_name) {
  std::vector<bool> made(ids.size(), false);
  for (unsigned byte = 0; byte < 256; ++byte) {
    const std::string text = mapped(std::string(1, static_cast<char>(byte)));
    const auto at = ids.find(text);
    if (at == ids.end()) {
      throw Error(vocab_name + ": no token for byte " + std::to_string(byte) + ", written " +
                  show_token(text) + "; a byte-level vocabulary needs all 256");
    }
    made[static_cast<std::size_t>(at->second)] = true;
  }
  for (const Merge& merge : merges) made[static_cast<std::size_t>(merge.result)] = true;
  return made;
}

/// The bytes of every token: of special ones their text, of the others what their characters map
/// to.
std::vector<std::string> token_bytes(const std::vector<VocabEntry>& entries,
                                     const std::vector<bool>& made, const NamedText& vocab,
                                     const NamedText& merges) {
  std::vector<std::string> tokens;
  tokens.reserve(entries.size());
  for (std::size_t id = 0; id < entries.size(); ++id) {
    const VocabEntry& entry = entries[id];
    auto bytes = made[id] ? unmap(entry.token) : entry.token;
    if (!bytes || (!made[id] && !looks_special(entry.token))) {
      throw Error(vocab.name + ": byte " + std::to_string(entry.byte) + ": token " +
                  show_token(entry.token) + " is no byte, no merge of " + merges.name +
                  " makes it, and special tokens are written <...>; do the files belong together?");
    }
    tokens.push_back(*std::move(bytes));
  }
  return tokens;
}

void check_parts(const std::vector<Merge>& merges, const std::vector<bool>& made,
                 const std::vector<VocabEntry>& entries, const std::string& name) {
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    for (const std::int32_t part : {merges[rank].left, merges[rank].right}) {
      const auto id = static_cast<std::size_t>(part);
      if (made[id]) continue;
      throw Error(name + ": line " + std::to_string(MergesParser::line_of(rank)) + ": token " +
                  show_token(entries[id].token) + " is no byte and no merge makes it");
    }
  }
}

std::string read_file(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) throw Error(path.string() + ": cannot be read: " + error.message());
  if (size > kLargestFile) {
    throw Error(path.string() + ": " + std::to_string(size) +
                " bytes, but a vocabulary file may have at most " + std::to_string(kLargestFile));
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in) throw Error(path.string() + ": cannot be read to its end");
  return text;
}

}  // namespace

std::shared_ptr<const Vocabulary> parse_vocabulary(const NamedText& vocab,
                                                   const NamedText& merges) {
  const std::vector<VocabEntry> entries = parse_vocab_json(vocab.name, vocab.text);
  IdOfToken ids;
  ids.reserve(entries.size());
  for (const VocabEntry& entry : entries) ids.emplace(entry.token, entry.id);
  std::vector<Merge> found = MergesParser(merges, ids).run();
  const std::vector<bool> made = made_tokens(ids, found, vocab.name);
  check_parts(found, made, entries, merges.name);
  return std::make_shared<const Vocabulary>(token_bytes(entries, made, vocab, merges),
                                            std::move(found));
}

std::shared_ptr<const Vocabulary> load_vocabulary(const std::filesystem::path& directory) {
  constexpr std::pair<const char*, const char*> kNames[] = {{"vocab.json", "merges.txt"},
                                                            {"encoder.json", "vocab.bpe"}};
  for (const auto& [vocab_name, merges_name] : kNames) {
    const auto vocab_path = directory / vocab_name;
    const auto merges_path = directory / merges_name;
    if (!std::filesystem::exists(vocab_path) || !std::filesystem::exists(merges_path)) continue;
    const std::string vocab = read_file(vocab_path);
    const std::string merges = read_file(merges_path);
    return parse_vocabulary({vocab_path.string(), vocab}, {merges_path.string(), merges});
  }
  throw Error(directory.string() +
              ": no tokenizer here; expected vocab.json and merges.txt, or encoder.json and "
              "vocab.bpe, in this folder");
}

std::string merge_line(const Vocabulary& vocabulary, std::size_t rank) {
  const Merge& merge = vocabulary.merges()[rank];
  return vocabulary.text(merge.left) + ' ' + vocabulary.text(merge.right);
}

std::string merges_txt(const Vocabulary& vocabulary) {
  std::string out = "#version: 0.2\n";
  for (std::size_t rank = 0; rank < vocabulary.merges().size(); ++rank) {
    out += merge_line(vocabulary, rank) + '\n';
  }
  return out;
}

}  // namespace gptc::tokenizer

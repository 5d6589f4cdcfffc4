#include "frontend/tokenizer/tiktoken_file.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <unordered_map>
#include <utility>

#include "frontend/tokenizer/base64.h"
#include "frontend/tokenizer/derive_merges.h"
#include "frontend/tokenizer/error.h"
#include "frontend/tokenizer/json_reader.h"

namespace gptc::tokenizer {
namespace {

constexpr std::size_t kMostUnused = 65536;  // ids without a token

struct Line {
  std::string bytes;
  std::int32_t id;
  std::size_t number;
};

class TiktokenParser {
 public:
  TiktokenParser(const NamedText& file, const TiktokenSettings& settings)
      : file_(file), settings_(settings) {}

  std::shared_ptr<const Vocabulary> run() {
    read_lines();
    std::sort(lines_.begin(), lines_.end(),
              [](const Line& a, const Line& b) { return a.id < b.id; });
    std::vector<Merge> merges = derive();
    std::vector<std::string> tokens = place_tokens();
    return std::make_shared<const Vocabulary>(std::move(tokens), std::move(merges),
                                              settings_.pattern);
  }

 private:
  [[noreturn]] void fail(std::size_t line, const std::string& what) const {
    throw Error(file_.name + ": line " + std::to_string(line) + ": " + what);
  }

  void read_lines() {
    std::string_view rest = file_.text;
    for (std::size_t number = 1; !rest.empty(); ++number) {
      const std::size_t end = rest.find('\n');
      lines_.push_back(parse_line(rest.substr(0, end), number));
      rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    }
  }

  Line parse_line(std::string_view line, std::size_t number) const {
    constexpr const char* kRule = "a line is a token in base64, a space and its rank, but this is ";
    const std::size_t space = line.find(' ');
    if (space == line.npos) fail(number, kRule + show_token(line));
    auto bytes = from_base64(line.substr(0, space));
    if (!bytes || bytes->empty()) fail(number, "not base64: " + show_token(line.substr(0, space)));
    std::int32_t id = 0;
    const char* end = line.data() + line.size();
    const auto [stop, error] = std::from_chars(line.data() + space + 1, end, id);
    if (error != std::errc{} || stop != end || id < 0 ||
        id == std::numeric_limits<std::int32_t>::max())
      fail(number, kRule + show_token(line));
    return {*std::move(bytes), id, number};
  }

  std::vector<std::int32_t> byte_tokens() const {
    std::vector<std::int32_t> tokens(256, -1);
    for (const Line& line : lines_) {
      if (line.bytes.size() == 1) tokens[static_cast<unsigned char>(line.bytes[0])] = line.id;
    }
    for (std::size_t byte = 0; byte < tokens.size(); ++byte) {
      if (tokens[byte] < 0)
        throw Error(file_.name + ": no token for byte " + std::to_string(byte) +
                    "; a byte-level vocabulary needs all 256");
    }
    return tokens;
  }

  std::vector<Merge> derive() const {
    std::unordered_map<std::string_view, std::size_t> seen;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      const Line& line = lines_[i];
      if (i > 0 && line.id == lines_[i - 1].id)
        fail(line.number, "rank " + std::to_string(line.id) + " stands in line " +
                              std::to_string(lines_[i - 1].number) + " already");
      const auto [at, fresh] = seen.emplace(line.bytes, line.number);
      if (!fresh)
        fail(line.number, "token " + show_token(line.bytes) + " stands in line " +
                              std::to_string(at->second) + " already");
    }
    MergeDeriver deriver(byte_tokens());
    for (const Line& line : lines_) {
      if (line.bytes.size() < 2) continue;
      const std::size_t left = deriver.add(line.bytes, line.id);
      if (left != 2)
        fail(line.number, "token " + show_token(line.bytes) +
                              " is not made by merging two tokens of lower rank: " +
                              std::to_string(left) + " are left");
    }
    return deriver.take();
  }

  std::vector<std::string> place_tokens() {
    std::int32_t last = lines_.back().id;
    for (const auto& special : settings_.specials) last = std::max(last, special.id);
    const std::size_t count = static_cast<std::size_t>(last) + 1;
    if (count > lines_.size() + settings_.specials.size() + kMostUnused)
      throw Error(file_.name + ": the largest id is " + std::to_string(last) + ", but " +
                  std::to_string(lines_.size()) + " tokens may leave at most " +
                  std::to_string(kMostUnused) + " ids unused");
    std::vector<std::string> tokens(count);
    for (Line& line : lines_) tokens[static_cast<std::size_t>(line.id)] = std::move(line.bytes);
    for (const auto& special : settings_.specials) {
      std::string& token = tokens[static_cast<std::size_t>(special.id)];
      if (!token.empty())
        throw Error(file_.name + ": special token " + show_token(special.text) + " has id " +
                    std::to_string(special.id) + ", which " + show_token(token) + " has already");
      if (special.text.size() == 1)
        throw Error(file_.name + ": special token " + show_token(special.text) +
                    " must have two characters or more");
      token = special.text;
    }
    return tokens;
  }

  const NamedText& file_;
  const TiktokenSettings& settings_;
  std::vector<Line> lines_;
};

}  // namespace

std::optional<TiktokenSettings> published_settings(const std::string& stem) {
  if (stem == "gpt2" || stem == "r50k_base" || stem == "p50k_base")
    return TiktokenSettings{Pattern::gpt2, {{"<|endoftext|>", 50256}}};
  if (stem == "cl100k_base")
    return TiktokenSettings{Pattern::gpt4,
                            {{"<|endoftext|>", 100257},
                             {"<|fim_prefix|>", 100258},
                             {"<|fim_middle|>", 100259},
                             {"<|fim_suffix|>", 100260},
                             {"<|endofprompt|>", 100276}}};
  return std::nullopt;
}

std::shared_ptr<const Vocabulary> parse_tiktoken(const NamedText& file,
                                                 const TiktokenSettings& settings) {
  if (file.text.empty()) throw Error(file.name + ": the file is empty");
  return TiktokenParser(file, settings).run();
}

std::string tiktoken_file(const Vocabulary& vocabulary) {
  std::string out;
  const auto specials = vocabulary.specials();
  for (std::int32_t id = 0; id < vocabulary.size(); ++id) {
    if (std::binary_search(specials.begin(), specials.end(), id)) continue;
    if (vocabulary.bytes(id).empty()) continue;
    out += base64(vocabulary.bytes(id)) + ' ' + std::to_string(id) + '\n';
  }
  const auto same = [](const Merge& a, const Merge& b) {
    return a.left == b.left && a.right == b.right && a.result == b.result;
  };
  const auto again = parse_tiktoken({"as .tiktoken", out}, {.pattern = vocabulary.pattern()});
  if (!std::ranges::equal(again->merges(), vocabulary.merges(), same))
    throw Error(
        "as .tiktoken: the file knows a merge by the id of its result, but this vocabulary's "
        "merges are in another order or make a token twice; write tokenizer.json");
  return out;
}

}  // namespace gptc::tokenizer

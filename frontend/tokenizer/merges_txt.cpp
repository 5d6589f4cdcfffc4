#include "frontend/tokenizer/merges_txt.h"

#include <utility>

#include "frontend/tokenizer/error.h"
#include "frontend/tokenizer/json_reader.h"
#include "frontend/tokenizer/pattern.h"
#include "frontend/tokenizer/vocab_json.h"
#include "frontend/tokenizer/vocabulary_builder.h"

namespace gptc::tokenizer {
namespace {

constexpr std::string_view kVersion = "#version";
constexpr std::string_view kHeader = "#version: 0.2";
constexpr std::string_view kPattern = " pattern: ";

/// The line that merge `rank` stands in.
std::string line_of(std::size_t rank) { return "line " + std::to_string(rank + 2); }

/// Reads the lines of a merges file one by one and says which line is wrong.
class MergesParser {
 public:
  MergesParser(const NamedText& file, VocabularyBuilder& builder)
      : file_(file), builder_(builder) {}

  Pattern run() {
    std::string_view rest = file_.text;
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
      ++line_;
      if (line_ == 1) {
        read_header(line);
      } else {
        add(line);
      }
    }
    if (line_ == 0) fail("the file is empty");
    return pattern_;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(file_.name + ": line " + std::to_string(line_) + ": " + what);
  }

  void read_header(std::string_view line) {
    if (!line.starts_with(kVersion)) {
      fail("the first line must be a header such as \"#version: 0.2\", but is " + show_token(line));
    }
    const std::size_t at = line.find(kPattern);
    if (at == line.npos) return;
    const std::string_view name = line.substr(at + kPattern.size());
    const auto pattern = pattern_of(name);
    if (!pattern) fail("pattern " + show_token(name) + " is none of gpt2, gpt4, none");
    pattern_ = *pattern;
  }

  void add(std::string_view line) {
    const std::size_t space = line.find(' ');
    if (space == line.npos || space == 0 || space + 1 == line.size() ||
        line.find(' ', space + 1) != line.npos) {
      fail("a merge is two tokens with one space between, but this is " + show_token(line));
    }
    builder_.add_merge(line.substr(0, space), line.substr(space + 1));
  }

  const NamedText& file_;
  VocabularyBuilder& builder_;
  std::size_t line_ = 0;
  Pattern pattern_ = Pattern::gpt2;
};

}  // namespace

std::shared_ptr<const Vocabulary> parse_vocabulary(const NamedText& vocab,
                                                   const NamedText& merges) {
  VocabularyBuilder builder(parse_vocab_json(vocab.name, vocab.text),
                            {.vocab = vocab.name, .merges = merges.name, .merge_place = line_of});
  const Pattern pattern = MergesParser(merges, builder).run();
  return std::move(builder).build(pattern);
}

std::string merge_line(const Vocabulary& vocabulary, std::size_t rank) {
  const Merge& merge = vocabulary.merges()[rank];
  return vocabulary.text(merge.left) + ' ' + vocabulary.text(merge.right);
}

std::string merges_txt(const Vocabulary& vocabulary) {
  std::string out(kHeader);
  if (vocabulary.pattern() != Pattern::gpt2) {
    out.append(kPattern).append(pattern_name(vocabulary.pattern()));
  }
  out += '\n';
  for (std::size_t rank = 0; rank < vocabulary.merges().size(); ++rank) {
    out += merge_line(vocabulary, rank) + '\n';
  }
  return out;
}

}  // namespace gptc::tokenizer

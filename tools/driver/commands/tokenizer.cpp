#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <memory>

#include "frontend/data/text.h"
#include "frontend/tokenizer/learner.h"
#include "ir/check.h"
#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/output.h"
#include "tools/driver/tokenizer_source.h"

namespace gptc::driver {
namespace {

struct LearnFlags {
  std::vector<std::string> in;
  std::string out;
  std::int32_t vocab_size = 4096;
  std::int64_t min_frequency = 2;
  int threads = 0;
  bool quiet = false;
};

int learn(const LearnFlags& flags) {
  const std::vector<data::TextDocument> documents = data::read_text(flags.in);
  std::vector<std::string_view> texts;
  for (const data::TextDocument& document : documents) texts.emplace_back(document.text);
  tokenizer::LearnOptions options{.vocab_size = flags.vocab_size,
                                  .min_frequency = flags.min_frequency,
                                  .threads = flags.threads};
  const bool show = !flags.quiet && isatty(STDERR_FILENO) != 0;
  if (show) {
    options.progress = [](const tokenizer::LearnProgress& progress) {
      fmt::print(stderr, "\rmerges: {} of {}", progress.merges_done, progress.merges_wanted);
    };
  }
  const auto tokenizer = tokenizer::Tokenizer::learn(texts, options);
  if (show) fmt::print(stderr, "\n");
  save_tokenizer(tokenizer, flags.out);
  if (!flags.quiet)
    fmt::print(stderr, "learned {} tokens from {} bytes; saved in {}\n", tokenizer.vocab_size(),
               data::total_bytes(documents), flags.out);
  return exit_code::done;
}

struct CodeFlags {
  std::string tokenizer;
  std::string in;
  bool special = false;
};

int encode(const CodeFlags& flags) {
  const tokenizer::Tokenizer tokenizer = find_tokenizer(flags.tokenizer);
  const auto special =
      flags.special ? tokenizer::SpecialTokens::recognised : tokenizer::SpecialTokens::as_text;
  std::string line;
  for (const std::int32_t id : tokenizer.encode(read_input(flags.in), {.special = special})) {
    if (!line.empty()) line += ' ';
    line += std::to_string(id);
  }
  write_stdout(line + "\n");
  return exit_code::done;
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::vector<std::int32_t> parse_ids(std::string_view text) {
  std::vector<std::int32_t> ids;
  for (std::size_t at = 0; at < text.size();) {
    if (is_space(text[at])) {
      ++at;
      continue;
    }
    std::int32_t id = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), id);
    const std::size_t next = static_cast<std::size_t>(end - text.data());
    const bool whole = error == std::errc{} && (next == text.size() || is_space(text[next]));
    ir::user_check(whole,
                   "decode: it reads token ids separated by spaces, but byte {} begins no id", at);
    ids.push_back(id);
    at = next;
  }
  return ids;
}

int decode(const CodeFlags& flags) {
  const tokenizer::Tokenizer tokenizer = find_tokenizer(flags.tokenizer);
  write_stdout(tokenizer.decode(parse_ids(read_input(flags.in))));
  return exit_code::done;
}

void add_learn(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("learn", "Learn byte-pair merges from text");
  auto flags = std::make_shared<LearnFlags>();
  sub->add_option("--in,-i,--data", flags->in, "text files, folders or patterns")->required();
  sub->add_option("--vocab-size", flags->vocab_size, "256 bytes, the merges and <|endoftext|>");
  sub->add_option("--out,-o", flags->out, "folder for vocab.json and merges.txt")->required();
  sub->add_option("--min-frequency", flags->min_frequency, "a pair seen less often is not merged");
  sub->add_option("--threads,-t", flags->threads, "0: all there are")->check(CLI::Range(0, 4096));
  sub->add_flag("--quiet,-q", flags->quiet, "only errors on stderr");
  sub->footer(
      "Example:\n  gptc tokenizer learn --in book.txt --vocab-size 4096 --out runs/tokenizer");
  sub->callback([flags, &program] { program.chosen = [flags] { return learn(*flags); }; });
}

using Code = int (*)(const CodeFlags&);

CLI::App* add_code(CLI::App& app, Program& program, const std::string& name, Code code,
                   const std::string& help) {
  CLI::App* sub = app.add_subcommand(name, help);
  auto flags = std::make_shared<CodeFlags>();
  sub->add_option("--tokenizer", flags->tokenizer, "gpt2, or a folder with vocab.json, merges.txt")
      ->required();
  sub->add_option("--in,-i", flags->in, "file to read; without it, stdin");
  if (name == "encode")
    sub->add_flag("--special", flags->special, "take <|endoftext|> for the token, not for text");
  sub->callback(
      [flags, code, &program] { program.chosen = [flags, code] { return code(*flags); }; });
  return sub;
}

}  // namespace

void add_tokenizer(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("tokenizer", "Learn a tokenizer, encode, decode");
  sub->require_subcommand(1);
  add_learn(*sub, program);
  add_code(*sub, program, "encode", encode, "Text to token ids, separated by spaces")
      ->footer("Example:\n  echo -n 'Hello, world!' | gptc tokenizer encode --tokenizer gpt2");
  add_code(*sub, program, "decode", decode, "Token ids, separated by white space, to text")
      ->footer("Example:\n  echo 15496 11 995 0 | gptc tokenizer decode --tokenizer gpt2");
}

}  // namespace gptc::driver

// gptc tokenizer decode: ids, as text or from a token file, to text.
#include <charconv>
#include <cstdio>
#include <memory>

#include "frontend/data/text_stream.h"
#include "frontend/data/token_file.h"
#include "ir/check.h"
#include "tools/driver/commands/output.h"
#include "tools/driver/commands/tokenizer_commands.h"
#include "tools/driver/tokenizer_source.h"

namespace gptc::driver {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;  // bytes or tokens

struct DecodeFlags {
  std::string tokenizer;
  std::string in;
};

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Reads ids separated by white space from text that comes in parts.
class IdParser {
 public:
  /// The ids that `part` completes; with `last` a number at its very end is complete too.
  std::vector<std::int32_t> parse(std::string_view part, bool last) {
    held_ += part;
    std::size_t end = held_.size();
    while (!last && end > 0 && !is_space(held_[end - 1])) --end;
    ir::user_check(last || held_.size() - end <= 16,
                   "decode: it reads token ids separated by spaces, but byte {} begins no id",
                   offset_ + end);
    std::vector<std::int32_t> ids;
    const std::string_view text = std::string_view(held_).substr(0, end);
    for (std::size_t at = 0; at < text.size();) at = step(text, at, ids);
    held_.erase(0, end);
    offset_ += end;
    return ids;
  }

 private:
  std::size_t step(std::string_view text, std::size_t at, std::vector<std::int32_t>& ids) const {
    if (is_space(text[at])) return at + 1;
    std::int32_t id = 0;
    const auto [stop, error] = std::from_chars(text.data() + at, text.data() + text.size(), id);
    const auto next = static_cast<std::size_t>(stop - text.data());
    const bool whole = error == std::errc{} && (next == text.size() || is_space(text[next]));
    ir::user_check(whole,
                   "decode: it reads token ids separated by spaces, but byte {} begins no id",
                   offset_ + at);
    ids.push_back(id);
    return next;
  }

  std::string held_;
  std::uint64_t offset_ = 0;  // of held_ in the text
};

void decode_text(const tokenizer::Tokenizer& tokenizer, const std::string& path) {
  data::TextStream text({path.empty() ? "-" : path}, data::Contents::any_bytes);
  IdParser parser;
  text.next_document();
  for (bool more = true; more;) {
    std::string part;
    more = text.read(part, kBlock);
    write_stdout(tokenizer.decode(parser.parse(part, !more)));
  }
}

void decode_tokens(const tokenizer::Tokenizer& tokenizer, const std::string& path) {
  const data::TokenFile file(path);
  const data::TokenView tokens = file.tokens(tokenizer.vocab_size());
  std::vector<std::int32_t> ids;
  for (std::uint64_t at = 0; at < tokens.size(); at += ids.size()) {
    ids.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, tokens.size() - at)));
    tokens.read(at, ids);
    write_stdout(tokenizer.decode(ids));
  }
}

int decode(const DecodeFlags& flags) {
  const tokenizer::Tokenizer tokenizer = find_tokenizer(flags.tokenizer);
  if (data::is_token_file(flags.in)) {
    decode_tokens(tokenizer, flags.in);
  } else {
    decode_text(tokenizer, flags.in);
  }
  return exit_code::done;
}

}  // namespace

void add_tokenizer_decode(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("decode", "Token ids, separated by white space, to text");
  auto flags = std::make_shared<DecodeFlags>();
  add_tokenizer_flag(*sub, flags->tokenizer);
  sub->add_option("--in,-i,in", flags->in, "file of ids, or a token file (.bin); without, stdin");
  sub->footer("Example:\n  echo 15496 11 995 0 | gptc tokenizer decode --tokenizer gpt2");
  sub->callback([flags, &program] { program.chosen = [flags] { return decode(*flags); }; });
}

}  // namespace gptc::driver

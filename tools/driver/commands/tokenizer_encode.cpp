// gptc tokenizer encode: text to ids, to stdout or into token files; and count.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "ir/check.h"
#include "tools/driver/block_encoder.h"
#include "tools/driver/commands/output.h"
#include "tools/driver/commands/tokenizer_commands.h"
#include "tools/driver/interrupt.h"
#include "tools/driver/token_writer.h"
#include "tools/driver/tokenizer_source.h"
#include "tools/driver/work_bar.h"

namespace gptc::driver {
namespace {

struct EncodeFlags {
  std::string tokenizer;
  std::vector<std::string> in;
  std::string out;
  std::string validation_out;
  double validation_fraction = 0.1;
  bool special = false;
  int threads = 0;
  bool quiet = false;
};

tokenizer::EncodeOptions encode_options(const EncodeFlags& flags) {
  return {.special = flags.special ? tokenizer::SpecialTokens::recognised
                                   : tokenizer::SpecialTokens::as_text,
          .threads = flags.threads};
}

std::vector<std::string> inputs(const EncodeFlags& flags) {
  return flags.in.empty() ? std::vector<std::string>{"-"} : flags.in;
}

/// A line of ids a document.
class PrintIds : public TokenSink {
 public:
  void begin_document() override {
    if (begun_) end();
    begun_ = true;
    first_ = true;
  }
  void tokens(std::span<const std::int32_t> ids, std::uint64_t) override {
    std::string line;
    for (const std::int32_t id : ids) {
      if (!first_) line += ' ';
      first_ = false;
      line += std::to_string(id);
    }
    write_stdout(line);
  }
  void end() { write_stdout("\n"); }

 private:
  bool begun_ = false;
  bool first_ = true;
};

class CountIds : public TokenSink {
 public:
  struct Document {
    std::uint64_t tokens = 0;
    std::uint64_t bytes = 0;
  };
  void begin_document() override { documents_.emplace_back(); }
  void tokens(std::span<const std::int32_t> ids, std::uint64_t bytes) override {
    documents_.back().tokens += ids.size();
    documents_.back().bytes += bytes;
  }
  const std::vector<Document>& documents() const { return documents_; }

 private:
  std::vector<Document> documents_;
};

int print_ids(const EncodeFlags& flags) {
  const tokenizer::Tokenizer tokenizer = find_tokenizer(flags.tokenizer);
  data::TextStream text(inputs(flags), data::Contents::any_bytes);
  PrintIds sink;
  encode_blocks(tokenizer, text, sink, {.encode = encode_options(flags)});
  sink.end();
  return exit_code::done;
}

void report(const std::string& path, const data::TokenHeader& header) {
  const double tokens = static_cast<double>(header.tokens);
  fmt::print(stderr, "{}: {} tokens of {} ({:.2f} bytes of text a token)\n", path, header.tokens,
             header.width == data::TokenWidth::u16 ? "uint16" : "uint32",
             static_cast<double>(header.text_bytes) / tokens);
}

int write_files(const EncodeFlags& flags) {
  const tokenizer::Tokenizer tokenizer = find_tokenizer(flags.tokenizer);
  const Interrupt interrupt;
  TokenFilesReport done;
  {
    WorkBar bar(flags.quiet ? ProgressStyle::quiet : progress_style(STDERR_FILENO));
    done = write_token_files(tokenizer, {.in = inputs(flags),
                                         .out = flags.out,
                                         .validation_out = flags.validation_out,
                                         .validation_fraction = flags.validation_fraction,
                                         .encode = encode_options(flags),
                                         .progress =
                                             [&](std::uint64_t bytes, std::uint64_t total) {
                                               bar.update("encoding", bytes, total,
                                                          fmt::format("{} MiB", bytes >> 20));
                                             },
                                         .stop = [&] { return interrupt.asked(); }});
  }
  if (done.stopped) {
    fmt::print(stderr, "interrupted: nothing was written\n");
    return exit_code::interrupted;
  }
  if (flags.quiet) return exit_code::done;
  report(flags.out, done.train);
  if (!flags.validation_out.empty()) report(flags.validation_out, done.validation);
  return exit_code::done;
}

int encode(const EncodeFlags& flags) {
  if (!flags.out.empty()) return write_files(flags);
  ir::user_check(flags.validation_out.empty(),
                 "--val-out: it needs --out, the file of training, but that is missing");
  return print_ids(flags);
}

int count(const EncodeFlags& flags) {
  const tokenizer::Tokenizer tokenizer = find_tokenizer(flags.tokenizer);
  data::TextStream text(inputs(flags), data::Contents::any_bytes);
  CountIds sink;
  encode_blocks(tokenizer, text, sink, {.encode = encode_options(flags)});
  std::string out;
  CountIds::Document all;
  for (std::size_t i = 0; i < sink.documents().size(); ++i) {
    const CountIds::Document& one = sink.documents()[i];
    all.tokens += one.tokens;
    all.bytes += one.bytes;
    if (sink.documents().size() > 1)
      out += fmt::format("{}\t{}\t{}\n", one.tokens, one.bytes, text.paths()[i]);
  }
  out += sink.documents().size() > 1 ? fmt::format("{}\t{}\ttotal\n", all.tokens, all.bytes)
                                     : fmt::format("{}\n", all.tokens);
  write_stdout(out);
  return exit_code::done;
}

void add_text_flags(CLI::App& app, EncodeFlags& flags) {
  add_tokenizer_flag(app, flags.tokenizer);
  app.add_option("--in,-i,--data,in", flags.in, "text files, folders, patterns; without, stdin");
  app.add_flag("--special", flags.special, "take <|endoftext|> for the token, not for text");
  app.add_option("--threads,-t", flags.threads, "0: all there are")
      ->capture_default_str()
      ->check(CLI::Range(0, 4096));
}

}  // namespace

void add_tokenizer_encode(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("encode", "Text to token ids: on stdout, or into a file");
  auto flags = std::make_shared<EncodeFlags>();
  add_text_flags(*sub, *flags);
  sub->add_option("--out,-o", flags->out,
                  "token file for training (NAME.bin): ids of two bytes, or four where the "
                  "vocabulary needs it, and NAME.bin.json, which says so");
  sub->add_option("--val-out", flags->validation_out, "token file for validation");
  sub->add_option("--val-fraction", flags->validation_fraction,
                  "part of the text, from its end, that goes there")
      ->capture_default_str();
  sub->add_flag("--quiet,-q", flags->quiet, "only errors on stderr");
  sub->footer(
      "Example:\n"
      "  echo -n 'Hello, world!' | gptc tokenizer encode --tokenizer gpt2\n"
      "  gptc tokenizer encode --tokenizer gpt2 --in texts/ --out train.bin --val-out val.bin");
  sub->callback([flags, &program] { program.chosen = [flags] { return encode(*flags); }; });
}

void add_tokenizer_count(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("count", "How many tokens texts have");
  auto flags = std::make_shared<EncodeFlags>();
  add_text_flags(*sub, *flags);
  sub->footer(
      "Of several files: tokens, bytes and name, a line each.\n"
      "Example:\n  gptc tokenizer count --tokenizer gpt2 book.txt");
  sub->callback([flags, &program] { program.chosen = [flags] { return count(*flags); }; });
}

}  // namespace gptc::driver

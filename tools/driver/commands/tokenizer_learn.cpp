// gptc tokenizer learn: merges from text of any size.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "frontend/data/text_stream.h"
#include "frontend/tokenizer/learner.h"
#include "frontend/tokenizer/pattern.h"
#include "ir/check.h"
#include "tools/driver/commands/tokenizer_commands.h"
#include "tools/driver/interrupt.h"
#include "tools/driver/tokenizer_source.h"
#include "tools/driver/work_bar.h"

namespace gptc::driver {
namespace {

namespace fs = std::filesystem;
using tokenizer::Learner;

constexpr std::size_t kBlock = std::size_t{1} << 20;  // bytes read at once

struct LearnFlags {
  std::vector<std::string> in;
  std::string out;
  std::int32_t vocab_size = 4096;
  std::int64_t min_frequency = 2;
  std::uint64_t memory = 0;
  std::string pattern = "gpt2";
  std::vector<std::string> special;
  std::string extend;
  bool resume = false;
  bool overwrite = false;
  int threads = 0;
  bool quiet = false;
};

struct Interrupted {};

/// Where the state lies while the work goes on.
fs::path state_folder(const LearnFlags& flags) { return fs::path(flags.out) / "learning"; }

tokenizer::LearnOptions learn_options(const LearnFlags& flags) {
  tokenizer::LearnOptions options{.vocab_size = flags.vocab_size,
                                  .min_frequency = flags.min_frequency,
                                  .threads = flags.threads,
                                  .memory_limit = flags.memory,
                                  .pattern = *tokenizer::pattern_of(flags.pattern)};
  for (const std::string& token : flags.special) {
    if (token != tokenizer::kEndOfText) options.special_tokens.push_back(token);
  }
  options.checkpoint = state_folder(flags);
  return options;
}

void check_state(const LearnFlags& flags) {
  const bool found = Learner::has_state(state_folder(flags));
  if (flags.resume) {
    ir::user_check(found, "--resume: there must be interrupted work in {}, but there is none",
                   flags.out);
  } else if (flags.overwrite) {
    Learner::discard(state_folder(flags));
  } else {
    ir::user_check(!found,
                   "{}: it holds the state of interrupted work; --resume goes on with it, "
                   "--overwrite begins anew",
                   flags.out);
  }
}

Learner make_learner(const LearnFlags& flags, tokenizer::LearnOptions options) {
  if (flags.extend.empty()) return Learner(std::move(options));
  const tokenizer::Tokenizer base = find_tokenizer(flags.extend);
  ir::user_check(flags.vocab_size > base.vocab_size(),
                 "--vocab-size: it must be above the {} tokens of --extend, but is {}",
                 base.vocab_size(), flags.vocab_size);
  options.pattern = base.pattern();
  return {std::move(options), base};
}

void show_progress(WorkBar& bar, const tokenizer::LearnProgress& progress, std::uint64_t total) {
  if (progress.phase == tokenizer::LearnPhase::reading) {
    bar.update("reading", progress.bytes_read, total,
               fmt::format("{} MiB", progress.bytes_read >> 20));
  } else {
    bar.update("merging", static_cast<std::uint64_t>(progress.merges_done),
               static_cast<std::uint64_t>(progress.merges_wanted),
               fmt::format("{} of {} merges", progress.merges_done, progress.merges_wanted));
  }
}

void print_report(const LearnFlags& flags, const tokenizer::Tokenizer& tokenizer,
                  const tokenizer::LearnReport& report) {
  fmt::print(stderr, "learned {} tokens ({} merges) from {} bytes in {} documents; saved in {}\n",
             tokenizer.vocab_size(), report.merges, report.bytes_read, report.documents, flags.out);
  fmt::print(stderr, "pieces: {}, of them {} distinct\n", report.pieces, report.unique_pieces);
  if (report.bytes_resumed > 0)
    fmt::print(stderr, "resumed: {} bytes had been read before\n", report.bytes_resumed);
  if (flags.memory == 0) return;
  fmt::print(stderr, "spilled: {} files of counts, {} bytes (the result stays the same)\n",
             report.spills, report.spilled_bytes);
  if (report.pruned_pieces == 0) {
    fmt::print(stderr, "pruned: nothing, so the result is exact\n");
  } else {
    fmt::print(stderr,
               "pruned: {} distinct pieces, {} of {} occurrences, none more often than {}; more "
               "--mem prunes less\n",
               report.pruned_pieces, report.pruned_occurrences, report.pieces, report.pruned_count);
  }
  if (tokenizer.vocab_size() < flags.vocab_size)
    fmt::print(stderr, "the text has no more pairs seen {} times\n", flags.min_frequency);
}

void feed(Learner& learner, data::TextStream& text) {
  std::string part;
  while (text.next_document()) {
    for (bool more = true; more;) {
      part.clear();
      more = text.read(part, kBlock);
      learner.add(part);
    }
    learner.end_document();
  }
}

int learn(const LearnFlags& flags) {
  data::TextStream text(flags.in);
  check_state(flags);
  const Interrupt interrupt;
  try {
    auto bar = std::make_unique<WorkBar>(flags.quiet ? ProgressStyle::quiet
                                                     : progress_style(STDERR_FILENO));
    tokenizer::LearnOptions options = learn_options(flags);
    options.progress = [&](const tokenizer::LearnProgress& progress) {
      show_progress(*bar, progress, text.total_bytes());
      if (interrupt.asked()) throw Interrupted{};
    };
    Learner learner = make_learner(flags, std::move(options));
    feed(learner, text);
    const tokenizer::Tokenizer tokenizer = learner.finish();
    bar.reset();
    save_tokenizer(tokenizer, flags.out);
    Learner::discard(state_folder(flags));
    if (!flags.quiet) print_report(flags, tokenizer, learner.report());
  } catch (const Interrupted&) {
    fmt::print(stderr, "interrupted: the state is in {}; --resume goes on from there\n",
               state_folder(flags).string());
    return exit_code::interrupted;
  }
  return exit_code::done;
}

}  // namespace

void add_tokenizer_learn(CLI::App& app, Program& program) {
  CLI::App* sub = app.add_subcommand("learn", "Learn byte-pair merges from text");
  auto flags = std::make_shared<LearnFlags>();
  sub->add_option("--in,-i,--data", flags->in, "text files, folders or patterns")->required();
  sub->add_option("--vocab-size", flags->vocab_size, "256 bytes, the merges, the special tokens")
      ->capture_default_str();
  sub->add_option("--out,-o", flags->out, "folder for vocab.json, merges.txt and tokenizer.json")
      ->required();
  sub->add_option("--min-frequency", flags->min_frequency, "a pair seen less often is not merged")
      ->capture_default_str();
  sub->add_option(
         "--mem", flags->memory,
         "memory it may take, such as 512MiB; what does not fit goes to files; 0: no bound")
      ->transform(CLI::AsSizeValue(false));
  CLI::Option* pattern =
      sub->add_option("--pattern", flags->pattern,
                      "how text is cut into pieces: gpt2, gpt4, or none (whole documents)")
          ->capture_default_str()
          ->check(CLI::IsMember({"gpt2", "gpt4", "none"}));
  sub->add_option("--special", flags->special, "further special tokens, written <...>");
  sub->add_option("--extend", flags->extend,
                  "a tokenizer whose merges are kept and followed by further ones")
      ->excludes(pattern);
  sub->add_flag("--resume", flags->resume, "go on with interrupted work in --out");
  sub->add_flag("--overwrite", flags->overwrite, "begin anew where work was interrupted");
  sub->add_option("--threads,-t", flags->threads, "0: all there are")
      ->capture_default_str()
      ->check(CLI::Range(0, 4096));
  sub->add_flag("--quiet,-q", flags->quiet, "only errors on stderr");
  sub->footer(
      "Example:\n"
      "  gptc tokenizer learn --in book.txt --vocab-size 4096 --out runs/tokenizer\n"
      "  gptc tokenizer learn --in texts/ --vocab-size 32000 --mem 512MiB --out runs/large\n"
      "  gptc tokenizer learn --in book.txt --extend runs/tokenizer --vocab-size 8192 --out "
      "runs/8k");
  sub->callback([flags, &program] { program.chosen = [flags] { return learn(*flags); }; });
}

}  // namespace gptc::driver

#include <fmt/format.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <thread>

#include "ir/check.h"
#include "tools/driver/commands/commands.h"
#include "tools/driver/commands/output.h"
#include "tools/driver/folder.h"
#include "tools/driver/sample_text.h"
#include "tools/driver/tokenizer_source.h"

namespace gptc::driver {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Ids = std::vector<std::int32_t>;

constexpr double kMiB = 1024.0 * 1024.0;
constexpr std::size_t kDocument = std::size_t{64} << 10;  // bytes, about

struct TokenizerBenchFlags {
  std::string tokenizer = "gpt2";
  std::vector<std::string> in;
  std::vector<std::string> texts = {"english", "cjk", "code"};
  std::vector<int> threads;
  std::string write_texts;
  int size = 8;
  int rounds = 9;
  bool json = false;
};

struct Text {
  std::string name;
  std::string source;
  std::string bytes;
};

std::string english_path() {
  for (const fs::path& place : data_folders()) {
    const fs::path path = place / "sotu.txt";
    std::error_code ignored;
    if (fs::exists(path, ignored)) return path.string();
  }
  ir::user_error(
      "bench tokenizer: the English text is data/sotu.txt, which is not there; run "
      "tools/setup/fetch_data.sh, or give a text with --in");
}

Text named_text(const std::string& name, int mebibytes) {
  const std::size_t bytes = static_cast<std::size_t>(mebibytes) << 20;
  if (name == "english") {
    const std::string path = english_path();
    return {name, fs::path(path).filename().string(), read_input(path)};
  }
  if (name == "cjk") return {name, "made: words drawn by Zipf's law", sample_cjk(bytes)};
  if (name == "code") return {name, "made: C-like functions", sample_code(bytes)};
  ir::user_error("--texts: one of english, cjk, code, but got {}", name);
}

std::vector<Text> texts_of(const TokenizerBenchFlags& flags) {
  std::vector<Text> texts;
  for (const std::string& path : flags.in) {
    texts.push_back({fs::path(path).filename().string(), path, read_input(path)});
    ir::user_check(!texts.back().bytes.empty(), "{}: is empty; nothing to measure", path);
  }
  if (!flags.in.empty()) return texts;
  for (const std::string& name : flags.texts) texts.push_back(named_text(name, flags.size));
  return texts;
}

/// Documents of about kDocument bytes, whole lines where there are any.
std::vector<std::string_view> documents_of(std::string_view text) {
  std::vector<std::string_view> documents;
  while (!text.empty()) {
    const std::size_t line = text.size() > kDocument ? text.find('\n', kDocument) : text.npos;
    const std::size_t size = line == text.npos ? text.size() : line + 1;
    documents.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return documents;
}

/// The speed of `work`, MiB/s, with each number of threads: of as many batches in a row as one
/// thread does in kTiming. Half as many before are not timed: memory and a processor that was idle
/// are slow at first.
template <typename Work>
std::vector<double> speeds_of(std::span<const int> threads, std::size_t bytes, const Work& work) {
  constexpr double kTiming = 0.06;  // seconds
  constexpr int kMostTimes = 1000;
  const auto seconds = [&](int count, int times) {
    const auto start = Clock::now();
    for (int i = 0; i < times; ++i) work(count);
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  seconds(threads.front(), 1);
  const double once = seconds(threads.front(), 1);
  const int times = std::clamp(static_cast<int>(kTiming / once), 1, kMostTimes);
  std::vector<double> speeds;
  for (const int count : threads) {
    seconds(count, (times + 1) / 2);
    speeds.push_back(times * static_cast<double>(bytes) / kMiB / seconds(count, times));
  }
  return speeds;
}

nlohmann::ordered_json spread_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {{"min", values.front()}, {"median", median}, {"max", values.back()}};
}

/// Memory that was freed stays the program's, as in one that goes on encoding; else what is
/// measured is how fast the system clears pages.
void keep_freed_memory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

/// Of rounds, of each number of threads: speeds, and how many times that of the round's first.
class Speeds {
 public:
  explicit Speeds(std::size_t counts) : speeds_(counts), times_first_(counts) {}

  void add(std::span<const double> round) {
    for (std::size_t i = 0; i < round.size(); ++i) {
      speeds_[i].push_back(round[i]);
      times_first_[i].push_back(round[i] / round[0]);
    }
  }

  nlohmann::ordered_json speed(std::size_t i) const { return spread_of(speeds_[i]); }
  nlohmann::ordered_json times_first(std::size_t i) const { return spread_of(times_first_[i]); }

 private:
  std::vector<std::vector<double>> speeds_, times_first_;
};

/// Encoding and decoding of all documents.
nlohmann::ordered_json measure(const tokenizer::Tokenizer& tokenizer, const Text& text,
                               const TokenizerBenchFlags& flags) {
  const std::vector<std::string_view> documents = documents_of(text.bytes);
  Speeds encode(flags.threads.size());
  Speeds decode(flags.threads.size());
  std::size_t tokens = 0;
  for (int round = -1; round < flags.rounds; ++round) {  // the first warms up
    std::vector<Ids> ids;
    const auto encoded = speeds_of(flags.threads, text.bytes.size(), [&](int threads) {
      ids.clear();  // as in a program that is done with a batch before the next
      ids = tokenizer.encode_batch(documents, {.threads = threads});
    });
    std::vector<std::string> back;
    const auto decoded = speeds_of(flags.threads, text.bytes.size(), [&](int threads) {
      back.clear();
      back = tokenizer.decode_batch(ids, threads);
    });
    for (std::size_t d = 0; d < documents.size(); ++d) {
      if (back[d] != documents[d]) ir::internal_error("bench tokenizer: decode(encode(x)) != x");
    }
    tokens = 0;
    for (const Ids& document : ids) tokens += document.size();
    if (round < 0) continue;
    encode.add(encoded);
    decode.add(decoded);
  }
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < flags.threads.size(); ++i) {
    rows.push_back({{"threads", flags.threads[i]},
                    {"encode_mib_s", encode.speed(i)},
                    {"decode_mib_s", decode.speed(i)},
                    {"encode_times_first", encode.times_first(i)},
                    {"decode_times_first", decode.times_first(i)}});
  }
  return {{"text", text.name}, {"source", text.source},         {"bytes", text.bytes.size()},
          {"tokens", tokens},  {"documents", documents.size()}, {"runs", rows}};
}

std::string table_of(const nlohmann::ordered_json& result) {
  std::string out = fmt::format("{:<20} {:>7} {:>24} {:>6} {:>24} {:>6}\n", "MiB/s", "threads",
                                "encode min/median/max", "times", "decode min/median/max", "times");
  const auto spread = [](const nlohmann::ordered_json& values) {
    return fmt::format("{:.0f} / {:.0f} / {:.0f}", values["min"].get<double>(),
                       values["median"].get<double>(), values["max"].get<double>());
  };
  for (const auto& text : result["texts"]) {
    for (const auto& row : text["runs"]) {
      out += fmt::format(
          "{:<20} {:>7} {:>24} {:>6.2f} {:>24} {:>6.2f}\n", text["text"].get<std::string>(),
          row["threads"].get<int>(), spread(row["encode_mib_s"]),
          row["encode_times_first"]["median"].get<double>(), spread(row["decode_mib_s"]),
          row["decode_times_first"]["median"].get<double>());
    }
  }
  for (const auto& text : result["texts"]) {
    out += fmt::format("{}: {}, {} bytes in {} documents, {} tokens\n",
                       text["text"].get<std::string>(), text["source"].get<std::string>(),
                       text["bytes"].get<std::size_t>(), text["documents"].get<std::size_t>(),
                       text["tokens"].get<std::size_t>());
  }
  return out;
}

std::vector<int> default_threads() {
  std::vector<int> counts = {1};
  const int machine = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  for (int count = 2; count <= machine; count *= 2) counts.push_back(count);
  if (counts.back() != machine) counts.push_back(machine);
  return counts;
}

int run(TokenizerBenchFlags flags) {
  ir::user_check(flags.rounds >= 1 && flags.size >= 1 && flags.size <= 1024,
                 "--rounds must be at least 1 and --size 1 to 1024, but got {} and {}",
                 flags.rounds, flags.size);
  if (flags.threads.empty()) flags.threads = default_threads();
  for (const int threads : flags.threads) {
    ir::user_check(threads >= 1, "--threads: at least 1, but got {}", threads);
  }
  const std::vector<Text> texts = texts_of(flags);
  if (!flags.write_texts.empty()) {
    make_folder(flags.write_texts);
    for (const Text& text : texts) {
      write_output((fs::path(flags.write_texts) / (text.name + ".txt")).string(), text.bytes);
    }
    return exit_code::done;
  }
  keep_freed_memory();
  const tokenizer::Tokenizer tokenizer = find_tokenizer(flags.tokenizer);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Text& text : texts) all.push_back(measure(tokenizer, text, flags));
  const auto& first = all[0]["runs"][0];
  const nlohmann::ordered_json result = {{"encode_mib_s", first["encode_mib_s"]["median"]},
                                         {"decode_mib_s", first["decode_mib_s"]["median"]},
                                         {"tokenizer", flags.tokenizer},
                                         {"rounds", flags.rounds},
                                         {"texts", all}};
  write_stdout(flags.json ? result.dump(2) + "\n" : table_of(result));
  return exit_code::done;
}

}  // namespace

void add_bench_tokenizer(CLI::App& bench, Program& program) {
  CLI::App* sub = bench.add_subcommand(
      "tokenizer", "Encoding and decoding, of documents of 64 KiB, per text and thread count");
  auto flags = std::make_shared<TokenizerBenchFlags>();
  sub->add_option("--tokenizer", flags->tokenizer, "gpt2, or a folder with a vocabulary")
      ->capture_default_str();
  sub->add_option("--in", flags->in, "files to measure with instead of the texts");
  sub->add_option("--texts", flags->texts,
                  "english (data/sotu.txt), cjk and code (both made from a seed)")
      ->delimiter(',')
      ->capture_default_str();
  sub->add_option("--size", flags->size, "MiB of each made text")->capture_default_str();
  sub->add_option("--threads,-t", flags->threads,
                  "thread counts; none: 1, 2, 4, ... of the machine")
      ->delimiter(',');
  sub->add_option("--rounds", flags->rounds, "figures are the median's")->capture_default_str();
  sub->add_option("--write-texts", flags->write_texts,
                  "only write the texts to this folder, to measure other programs with");
  sub->add_flag("--json", flags->json, "the figures as JSON; encode_mib_s is the first text's");
  sub->footer("Example:\n  gptc bench tokenizer --tokenizer gpt2 --json");
  sub->callback([flags, &program] { program.chosen = [flags] { return run(*flags); }; });
}

}  // namespace gptc::driver

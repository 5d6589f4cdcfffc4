#include "tools/driver/commands/generation_config.h"

#include <fmt/format.h>

#include <limits>
#include <system_error>

#include "frontend/formats/json_file.h"

namespace gptc::driver {
namespace {

namespace fs = std::filesystem;

using formats::Document;

constexpr std::int64_t most_whole = std::numeric_limits<std::int32_t>::max();

/// The keys of a file that no flag speaks for.
class Reader {
 public:
  Reader(const CLI::App& app, const Document& file) : app_(app), file_(file) {}

  void real(const char* key, const char* flag, double low, double high, double& to) {
    if (!wanted(key, flag)) return;
    to = file_.get_double(key, low, high);
    note(key, to);
  }
  template <class Number>
  void whole(const char* key, const char* flag, std::int64_t low, Number& to) {
    if (!wanted(key, flag)) return;
    const std::int64_t value = file_.get_int(key, low, most_whole);
    to = static_cast<Number>(value);
    note(key, value);
  }
  /// 0 is off, as other programs write it.
  void top_k(std::optional<std::int64_t>& to) {
    std::int64_t value = 0;
    whole("top_k", "--top-k", 0, value);
    if (value > 0) to = value;
  }
  /// Greedy, whatever temperature stands beside it.
  void do_sample(double& temperature) {
    if (!wanted("do_sample", "--temperature") || file_.get_bool("do_sample")) return;
    temperature = 0;
    note("do_sample", false);
  }
  [[nodiscard]] bool wanted(const char* key, const char* flag) const {
    return file_.has(key) && app_.count(flag) == 0;
  }
  [[nodiscard]] const std::string& taken() const { return taken_; }

 private:
  void note(const char* key, auto value) {
    taken_ += fmt::format("{}{} {}", taken_.empty() ? "" : ", ", key, value);
  }

  const CLI::App& app_;
  const Document& file_;
  std::string taken_;
};

}  // namespace

GenerationDefaults take_generation_config(const CLI::App& app, const fs::path& folder,
                                          SamplingFlags& sampling, std::int64_t& max_new_tokens) {
  const fs::path path = folder / "generation_config.json";
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return {};
  const Document file = Document::open(path.string());
  Reader reader(app, file);
  constexpr double most = 1000;
  reader.real("temperature", "--temperature", 0, most, sampling.temperature);
  reader.do_sample(sampling.temperature);
  reader.top_k(sampling.top_k);
  reader.real("top_p", "--top-p", 0, 1, sampling.top_p);
  reader.real("min_p", "--min-p", 0, 1, sampling.min_p);
  reader.real("repetition_penalty", "--repetition-penalty", 1 / most, most,
              sampling.repetition_penalty);
  reader.whole("no_repeat_ngram_size", "--no-repeat-ngram-size", 0, sampling.no_repeat_ngram);
  reader.whole("max_new_tokens", "--max-new-tokens", 0, max_new_tokens);
  GenerationDefaults defaults = {.end_of_text = std::nullopt, .taken = reader.taken()};
  if (reader.wanted("eos_token_id", "--ignore-eos"))
    defaults.end_of_text = static_cast<std::int32_t>(file.get_int("eos_token_id", 0, most_whole));
  return defaults;
}

}  // namespace gptc::driver

#include "tools/driver/commands/sampling_flags.h"

#include <charconv>
#include <cmath>
#include <string_view>

#include "frontend/tokenizer/tokenizer.h"
#include "ir/check.h"

namespace gptc::driver {
namespace {

template <class Number>
bool parse(std::string_view text, Number& value) {
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stopped == end;
}

LogitBias bias_of(const std::string& text) {
  LogitBias bias;
  const std::string_view whole = text;
  const std::size_t sign = whole.find('=');
  const bool good = sign != std::string_view::npos && parse(whole.substr(0, sign), bias.token) &&
                    parse(whole.substr(sign + 1), bias.value);
  ir::user_check(good,
                 "--logit-bias: it must be ID=VALUE, a token's number and a number (or -inf), but "
                 "got '{}'",
                 text);
  return bias;
}

}  // namespace

void add_sampling_flags(CLI::App& app, SamplingFlags& flags) {
  app.add_option("--temperature,--temp", flags.temperature, "0: always the most likely token");
  app.add_option("--top-k", flags.top_k, "draw from the k most likely tokens; without it, all");
  app.add_option("--top-p", flags.top_p,
                 "draw from the most likely tokens that together have this probability; 1: all");
  app.add_option("--min-p", flags.min_p,
                 "draw from tokens at least this many times as likely as the most likely; 0: all");
  app.add_option("--repetition-penalty,--repeat-penalty", flags.repetition_penalty,
                 "above 1, tokens that the text has become less likely; 1: off");
  app.add_option("--no-repeat-ngram-size", flags.no_repeat_ngram,
                 "no run of so many tokens comes twice; 0: off");
  app.add_option("--logit-bias", flags.logit_bias,
                 "ID=VALUE, added to a token's logit, -inf forbids it; may be repeated")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--stop", flags.stop,
                 "new text ends before this string; may be repeated (in bash, $'\\n' is a newline)")
      ->take_all()
      ->allow_extra_args(false);
  app.add_flag("--ignore-eos", flags.ignore_end, "go on behind an end-of-text token");
}

SamplingOptions sampling_of(const SamplingFlags& flags, std::uint64_t seed) {
  ir::user_check(!flags.top_k || *flags.top_k >= 1, "--top-k: it must be at least 1, but got {}",
                 flags.top_k.value_or(0));
  SamplingOptions options = {.temperature = flags.temperature,
                             .top_k = flags.top_k.value_or(0),
                             .top_p = flags.top_p,
                             .min_p = flags.min_p,
                             .repetition_penalty = flags.repetition_penalty,
                             .no_repeat_ngram = flags.no_repeat_ngram,
                             .seed = seed};
  for (const std::string& text : flags.logit_bias) options.logit_bias.push_back(bias_of(text));
  check_sampling(options);
  return options;
}

std::vector<std::string> stop_strings(const SamplingFlags& flags) {
  for (const std::string& stop : flags.stop) {
    ir::user_check(!stop.empty(), "--stop: it must be a text of at least one byte, but is empty");
    ir::user_check(tokenizer::replace_invalid_utf8(stop) == stop,
                   "--stop: it must be valid UTF-8, but '{}' is not",
                   tokenizer::replace_invalid_utf8(stop));
  }
  return flags.stop;
}

}  // namespace gptc::driver

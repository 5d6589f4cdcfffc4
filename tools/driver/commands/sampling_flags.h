// Flags of how the next token is chosen, and of when a text ends.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/driver/sampling/options.h"

namespace gptc::driver {

struct SamplingFlags {
  double temperature = 0.8;
  std::optional<std::int64_t> top_k;
  double top_p = 1;
  double min_p = 0;
  double repetition_penalty = 1;
  std::int64_t no_repeat_ngram = 0;
  std::vector<std::string> logit_bias;  // ID=VALUE
  std::vector<std::string> stop;
  bool ignore_end = false;
};

void add_sampling_flags(CLI::App& app, SamplingFlags& flags);

/// UserError naming the flag and its value for what is out of range.
SamplingOptions sampling_of(const SamplingFlags& flags, std::uint64_t seed);

/// --stop. UserError for one that is empty or not UTF-8: text as it comes is always UTF-8.
std::vector<std::string> stop_strings(const SamplingFlags& flags);

}  // namespace gptc::driver

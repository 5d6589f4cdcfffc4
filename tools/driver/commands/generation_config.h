// What a folder says about writing text with its model.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "tools/driver/commands/sampling_flags.h"

namespace gptc::driver {

struct GenerationDefaults {
  std::optional<std::int32_t> end_of_text;
  std::string taken;  // "temperature 0.7, top_k 50", for a person; "": nothing was
};

/// Takes from FOLDER/generation_config.json, if it is there, what `app`'s command line does not
/// say: temperature, top_k, top_p, min_p, repetition_penalty, no_repeat_ngram_size, max_new_tokens,
/// eos_token_id, and do_sample false as temperature 0. Other keys are passed over. formats::Error
/// or UserError naming file, key, rule and value for what is of another type or out of range.
GenerationDefaults take_generation_config(const CLI::App& app, const std::filesystem::path& folder,
                                          SamplingFlags& sampling, std::int64_t& max_new_tokens);

}  // namespace gptc::driver

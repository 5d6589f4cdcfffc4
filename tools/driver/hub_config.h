// config.json of a Hugging Face folder, by the tables of dsl::HubForm.
#pragma once

#include <string>

#include "frontend/dsl/exchange.h"
#include "frontend/formats/json_file.h"

namespace gptc::driver {

/// The key that says what kind of model a folder holds.
inline constexpr const char* hub_type_key = "model_type";

/// `config`, a model's own settings, with those that the file has. Throws formats::Error or
/// UserError naming file, key, rule and value for what is damaged, out of range, or means a model
/// that this one is not.
dsl::Config read_hub_config(const dsl::HubForm& form, dsl::Config config,
                            const formats::Document& file, const std::string& path);

/// What transformers reads, but for the numbers' type and the special tokens.
formats::Document hub_config(const dsl::HubForm& form, const dsl::Config& config);

}  // namespace gptc::driver

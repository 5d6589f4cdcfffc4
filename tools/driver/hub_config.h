// config.json of a Hugging Face folder, by the tables of dsl::HubForm.
#pragma once

#include <string>
#include <vector>

#include "frontend/dsl/model.h"
#include "frontend/formats/json_file.h"

namespace gptc::driver {

/// The model of the program that reads such a folder. UserError naming the types there are.
const dsl::Model& hub_model(const std::vector<dsl::Model>& models, const formats::Document& file,
                            const std::string& path);

/// Settings as the file has them. Throws formats::Error or UserError naming file, key, rule and
/// value for what is damaged, out of range, or means a model that this one is not.
dsl::Config read_hub_config(const dsl::Model& model, const formats::Document& file,
                            const std::string& path);

/// What transformers reads, but for the numbers' type and the special tokens.
formats::Document hub_config(const dsl::HubForm& form, const dsl::Config& config);

}  // namespace gptc::driver

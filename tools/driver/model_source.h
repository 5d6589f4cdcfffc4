// What `--model` names: a model of this program, a folder that training wrote, or one of Hugging
// Face's form.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/dsl/model.h"
#include "passes/store_weights.h"

namespace gptc::driver {

struct ModelSource {
  dsl::Model model;
  dsl::Config config;      // settings as the folder has them, else the model's own
  std::uint64_t seed = 1;  // of initial values and dropout
  std::optional<std::filesystem::path> folder;  // where the weights are, if there are any
  const dsl::Exchange* exchange = nullptr;      // the form of the folder; null: training wrote it
  /// The form of the folder's weights where `gptc quantize` wrote it (stored_weights.h); nothing:
  /// they are as declared.
  std::optional<passes::WeightStore> stored = {};

  [[nodiscard]] std::int64_t context() const { return config.integer("context"); }
};

/// A model's name first, then a folder with a config.json, which says whether it is a run's
/// (`gptc_model`) or of Hugging Face's form (`model_type`). UserError listing the names.
ModelSource find_model(const std::vector<dsl::Model>& models, const std::string& name_or_folder);

/// Writes FOLDER/config.json: `gptc_model`, `gptc_seed`, `gptc_weights` if they are stored in a
/// form of their own, and each setting under its name.
void save_config(const ModelSource& source, const std::filesystem::path& folder);

/// `name=value` sets a setting; UserError for a wrong form, an unknown name or a wrong type.
void apply_setting(dsl::Config& config, std::string_view assignment);
/// Sets every setting whose name ends in "dropout". UserError unless 0 <= p < 1 and there is one.
void set_dropout(const dsl::Model& model, dsl::Config& config, double p);

/// Settles `vocab_size` with the tokenizer's number of tokens: 0 takes it, another value must be
/// equal. UserError naming both.
void settle_vocabulary(ModelSource& source, std::int64_t tokenizer_size);

}  // namespace gptc::driver

// What a person may ask of a training run, as one table: the command line, train.json and the
// README's list come from it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tools/driver/lr_schedule.h"
#include "tools/driver/trainer.h"

namespace gptc::driver {

inline constexpr std::string_view dtype_help =
    "what the products of training compute in: f32, or bf16 (sums stay f32)";

inline constexpr std::string_view grad_dtype_help =
    "what gradients of parameters are kept in until AdamW reads them: f32 or bf16";

struct TrainSettings {
  std::vector<std::string> data;
  std::vector<std::string> validation_data;
  double validation_fraction = 0.1;
  std::int64_t batch = 8;
  std::int64_t context = 0;  // 0: the model's
  std::int64_t grad_accum = 1;
  std::string dtype = "f32";  // of products: f32 or bf16
  std::string grad_dtype = "f32";
  std::int64_t max_steps = 0;  // 0: from epochs
  double epochs = 0;           // 0: from max_steps
  double lr = 1e-3;
  double min_lr = -1;               // negative: lr / 10
  std::int64_t warmup_steps = -1;   // negative: a twentieth of the steps, at most 200
  std::int64_t lr_decay_steps = 0;  // 0: all steps
  std::string lr_schedule = "cosine";
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.1;
  double grad_clip = 1.0;
  std::int64_t eval_interval = 100;
  std::int64_t eval_windows = 256;
  std::int64_t sample_interval = 0;
  std::string sample_prompt;
  std::int64_t save_interval = 500;
};

struct TrainField {
  using Member =
      std::variant<std::int64_t TrainSettings::*, double TrainSettings::*,
                   std::string TrainSettings::*, std::vector<std::string> TrainSettings::*>;
  std::string_view key;    // in train.json
  std::string_view flags;  // "--batch,--batch-size,-b"
  Member member;
  std::string_view help;
};
std::span<const TrainField> train_fields();

/// UserError naming the flag and its rule for a value out of range.
void check_settings(const TrainSettings& settings);

/// Settings as numbers once the length of an epoch (in windows) is known.
std::int64_t resolve_steps(const TrainSettings& settings, std::int64_t windows);
LrSchedule resolve_schedule(const TrainSettings& settings, std::int64_t steps);

/// FOLDER/train.json; reading leaves fields alone that `keep` names or the file has not.
void save_settings(const TrainSettings& settings, const std::filesystem::path& folder);
void load_settings(TrainSettings& settings, const std::filesystem::path& folder,
                   const std::function<bool(const TrainField&)>& keep);

}  // namespace gptc::driver

#include "tools/driver/train_settings.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "frontend/formats/json_file.h"
#include "ir/check.h"

namespace gptc::driver {
namespace {

using S = TrainSettings;

constexpr std::array fields = {
    TrainField{"data", "--data,-d,--dataset", &S::data, "text files, folders or patterns"},
    TrainField{"val_data", "--val-data", &S::validation_data,
               "text for validation; without it, the end of --data"},
    TrainField{"val_fraction", "--val-fraction,--val-split", &S::validation_fraction,
               "part of --data kept for validation"},
    TrainField{"batch", "--batch,--batch-size,-b", &S::batch, "windows of a micro-batch"},
    TrainField{"ctx", "--ctx,--block-size,--context,--ctx-size,-c", &S::context,
               "positions of a window; 0: the model's context"},
    TrainField{"grad_accum", "--grad-accum,--gradient-accumulation-steps", &S::grad_accum,
               "micro-batches of a step"},
    TrainField{"dtype", "--dtype", &S::dtype, dtype_help},
    TrainField{"grad_dtype", "--grad-dtype", &S::grad_dtype, grad_dtype_help},
    TrainField{"max_steps", "--max-steps,--max-iters,--steps", &S::max_steps, "steps in all"},
    TrainField{"epochs", "--epochs", &S::epochs, "passes over the data, instead of --max-steps"},
    TrainField{"lr", "--lr,--learning-rate", &S::lr, "learning rate"},
    TrainField{"min_lr", "--min-lr", &S::min_lr, "where the schedule ends; negative: lr/10"},
    TrainField{"warmup_steps", "--warmup-steps,--warmup-iters,--warmup", &S::warmup_steps,
               "steps of linear warm-up; negative: a twentieth of all, at most 200"},
    TrainField{"lr_decay_steps", "--lr-decay-steps,--lr-decay-iters", &S::lr_decay_steps,
               "step at which min-lr is reached; 0: the last"},
    TrainField{"lr_schedule", "--lr-schedule", &S::lr_schedule, "cosine, linear or constant"},
    TrainField{"beta1", "--beta1", &S::beta1, "AdamW"},
    TrainField{"beta2", "--beta2", &S::beta2, "AdamW"},
    TrainField{"eps", "--eps", &S::eps, "AdamW"},
    TrainField{"weight_decay", "--weight-decay,--wd", &S::weight_decay,
               "of parameters with two dimensions or more"},
    TrainField{"grad_clip", "--grad-clip,--clip", &S::grad_clip,
               "largest global norm of the gradient; 0: no limit"},
    TrainField{"eval_interval", "--eval-interval", &S::eval_interval,
               "steps between validations; 0: at the end only"},
    TrainField{"eval_windows", "--eval-windows", &S::eval_windows,
               "windows of a validation, spread over the text; 0: all"},
    TrainField{"sample_interval", "--sample-interval", &S::sample_interval,
               "steps between samples of text; 0: none"},
    TrainField{"sample_prompt", "--sample-prompt", &S::sample_prompt,
               "what the samples begin with"},
    TrainField{"save_interval", "--save-interval", &S::save_interval,
               "steps between checkpoints; 0: at the end only"},
};

Decay decay_named(const std::string& name) {
  if (name == "cosine") return Decay::cosine;
  if (name == "linear") return Decay::linear;
  if (name == "constant" || name == "const") return Decay::constant;
  ir::user_error("--lr-schedule: it must be cosine, linear or constant, but got '{}'", name);
}

void check_range(std::string_view flag, double value, double least, double below) {
  ir::user_check(std::isfinite(value) && value >= least && value < below,
                 "{}: it must be at least {} and below {}, but got {}", flag, least, below, value);
}

void check_least(std::string_view flag, double value, double least) {
  ir::user_check(std::isfinite(value) && value >= least, "{}: it must be at least {}, but got {}",
                 flag, least, value);
}

}  // namespace

std::span<const TrainField> train_fields() { return fields; }

void check_settings(const TrainSettings& settings) {
  ir::user_check(!settings.data.empty(), "--data: it must name text to train on, but is missing");
  check_range("--val-fraction", settings.validation_fraction, 0, 1);
  check_range("--beta1", settings.beta1, 0, 1);
  check_range("--beta2", settings.beta2, 0, 1);
  ir::user_check(std::isfinite(settings.lr) && settings.lr > 0,
                 "--lr: it must be above 0, but got {}", settings.lr);
  ir::user_check(settings.eps > 0, "--eps: it must be above 0, but got {}", settings.eps);
  check_least("--weight-decay", settings.weight_decay, 0);
  check_least("--grad-clip", settings.grad_clip, 0);
  check_least("--epochs", settings.epochs, 0);
  constexpr std::int64_t most = std::int64_t{1} << 31;
  const std::array<std::pair<std::string_view, std::int64_t>, 7> counts = {
      {{"--ctx", settings.context},
       {"--max-steps", settings.max_steps},
       {"--lr-decay-steps", settings.lr_decay_steps},
       {"--eval-interval", settings.eval_interval},
       {"--eval-windows", settings.eval_windows},
       {"--sample-interval", settings.sample_interval},
       {"--save-interval", settings.save_interval}}};
  for (const auto& [flag, value] : counts) {
    ir::user_check(value >= 0 && value < most, "{}: it must be from 0 to {}, but got {}", flag,
                   most - 1, value);
  }
  ir::user_check(settings.max_steps > 0 || settings.epochs > 0,
                 "training: give its length by --max-steps or --epochs");
  ir::user_check(settings.max_steps == 0 || settings.epochs == 0,
                 "training: give its length by --max-steps or --epochs, not both");
  decay_named(settings.lr_schedule);
}

std::int64_t resolve_steps(const TrainSettings& settings, std::int64_t windows) {
  if (settings.max_steps > 0) return settings.max_steps;
  const auto per_step = static_cast<double>(settings.batch * settings.grad_accum);
  const double steps = std::ceil(settings.epochs * static_cast<double>(windows) / per_step);
  ir::user_check(steps < 1e15, "--epochs: {} are {} steps, more than can be counted",
                 settings.epochs, steps);
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(steps));
}

LrSchedule resolve_schedule(const TrainSettings& settings, std::int64_t steps) {
  constexpr std::int64_t most_warmup = 200;
  LrSchedule schedule;
  schedule.lr = settings.lr;
  schedule.min_lr = settings.min_lr < 0 ? settings.lr / 10 : settings.min_lr;
  schedule.decay_steps = settings.lr_decay_steps > 0 ? settings.lr_decay_steps : steps;
  schedule.warmup_steps =
      settings.warmup_steps >= 0 ? settings.warmup_steps : std::min(most_warmup, steps / 20);
  schedule.decay = decay_named(settings.lr_schedule);
  return schedule;
}

void save_settings(const TrainSettings& settings, const std::filesystem::path& folder) {
  struct Setter {
    formats::Document& file;
    std::string_view key;
    void operator()(std::int64_t value) const { file.set_int(key, value); }
    void operator()(double value) const { file.set_double(key, value); }
    void operator()(const std::string& value) const { file.set_string(key, value); }
    void operator()(const std::vector<std::string>& value) const { file.set_strings(key, value); }
  };
  const std::string path = (folder / "train.json").string();
  formats::Document file(path);
  for (const TrainField& field : fields) {
    std::visit([&](auto member) { Setter{file, field.key}(settings.*member); }, field.member);
  }
  file.save(path);
}

void load_settings(TrainSettings& settings, const std::filesystem::path& folder,
                   const std::function<bool(const TrainField&)>& keep) {
  struct Getter {
    const formats::Document& file;
    std::string_view key;
    void operator()(std::int64_t& value) const { value = file.get_int(key); }
    void operator()(double& value) const { value = file.get_double(key); }
    void operator()(std::string& value) const { value = file.get_string(key); }
    void operator()(std::vector<std::string>& value) const { value = file.get_strings(key); }
  };
  const formats::Document file = formats::Document::open((folder / "train.json").string());
  for (const TrainField& field : fields) {
    if (keep(field) || !file.has(field.key)) continue;
    std::visit([&](auto member) { Getter{file, field.key}(settings.*member); }, field.member);
  }
}

}  // namespace gptc::driver

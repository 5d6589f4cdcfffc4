// Training steps of a compiled model over a stream of tokens; no files, no terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "frontend/data/fixed_windows.h"
#include "frontend/data/window_loader.h"
#include "tools/driver/compile.h"
#include "tools/driver/decoder.h"
#include "tools/driver/lr_schedule.h"
#include "tools/driver/model_source.h"

namespace gptc::driver {

struct TrainerOptions {
  std::int64_t batch = 8;               // windows of a micro-batch (B)
  std::int64_t context = 128;           // positions of a window (T)
  std::int64_t accumulate = 1;          // micro-batches of a step
  std::int64_t validation_windows = 0;  // at most this many; 0: all
  LrSchedule schedule = {};
  bool generate = false;              // compile what a Generator needs, too
  Reading reading = Reading::cached;  // by that Generator
  CompileOptions compile = {};
};

enum class Validation : std::uint8_t { no, yes };

/// Where a run stands; with the seed it says all that comes.
struct TrainPosition {
  std::int64_t step = 0;            // steps done
  std::uint64_t micro_batches = 0;  // micro-batches done: the loader's and dropout's counter
};

struct StepResult {
  double loss = 0;       // mean, nats per token
  double grad_norm = 0;  // before clipping
  double lr = 0;
  std::int64_t tokens = 0;
};

class Trainer {
 public:
  /// The graphs that a trainer compiles (and `init`, which every model has), for a model of this
  /// context; the first is the one that takes micro-batches.
  static std::vector<GraphRequest> requests(const TrainerOptions& options, Validation validation,
                                            std::int64_t model_context);

  /// The tokens outlive the trainer. States start at their initial values. Throws UserError and
  /// data::Error.
  Trainer(const ModelSource& source, const data::TokenView& train,
          const data::TokenView& validation, const TrainerOptions& options);

  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// One step of AdamW. UserError if the loss or the gradient is not finite: parameters and moments
  /// are then as before.
  StepResult step();

  [[nodiscard]] bool has_validation() const { return validation_.has_value(); }
  /// Mean loss over the fixed windows, nats per token.
  double validate();
  /// What validate() measures on; UserError if there is none.
  [[nodiscard]] const data::FixedWindows& validation() const;

  [[nodiscard]] CompiledModel& model() { return model_; }
  /// Labels of the graphs that step() runs.
  [[nodiscard]] std::vector<std::string> step_graphs() const;
  [[nodiscard]] const TrainPosition& position() const { return position_; }
  void set_position(const TrainPosition& position) { position_ = position; }
  /// Seconds from the declaration to kernels that are ready.
  [[nodiscard]] double compile_seconds() const { return compile_seconds_; }
  /// Windows in an epoch of the training part.
  [[nodiscard]] std::int64_t windows() const { return loader_.windows(); }

 private:
  /// A graph with its arguments and results, which are members of the trainer.
  struct Call {
    std::string_view label;
    std::vector<runtime::Binding> inputs;
    std::vector<runtime::Binding> outputs;
  };
  void bind();
  void run(const Call& call);
  [[nodiscard]] std::vector<runtime::Binding> batch_inputs(std::string_view graph);
  void next_micro_batch();
  void check_finite(const StepResult& result) const;

  TrainerOptions options_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  CompiledModel model_;
  double compile_seconds_ = 0;
  data::WindowLoader loader_;
  std::optional<data::FixedWindows> validation_;
  TrainPosition position_;
  std::vector<std::int32_t> tokens_;
  std::vector<std::int32_t> targets_;
  std::int64_t micro_batch_ = 0;
  std::int64_t step_ = 0;
  float lr_ = 0;
  float loss_ = 0;
  float token_count_ = 0;
  float grad_norm_ = 0;
  Call batch_call_;
  Call apply_call_;
  Call eval_call_;
};

}  // namespace gptc::driver

// A whole training run: data, steps, validation, samples, log, picture, checkpoints.
#pragma once

#include <filesystem>
#include <string>

#include "frontend/tokenizer/tokenizer.h"
#include "tools/driver/model_source.h"
#include "tools/driver/progress.h"
#include "tools/driver/train_settings.h"

namespace gptc::driver {

struct RunOptions {
  std::filesystem::path out;
  bool resume = false;  // go on from the checkpoint in `out`
  ProgressStyle style = ProgressStyle::lines;
  CompileOptions compile = {};
  /// Nodes that the profile lists which the run closes with; 0: no profile.
  std::int64_t profile_nodes = 0;
};

enum class RunEnd : std::uint8_t { done, interrupted };

/// Trains and writes into `out`. `source.folder`, if there is one, gives the first weights. An
/// interrupt ends the step in hand, saves and returns. Throws UserError and the leaves' errors; the
/// last checkpoint is then untouched.
RunEnd train(ModelSource source, const tokenizer::Tokenizer& tokenizer, TrainSettings settings,
             const RunOptions& options);

}  // namespace gptc::driver

// A run's folder: config.json, vocab.json, merges.txt, train.json, model.safetensors and
// optimizer-STEP.safetensors.
//
// A checkpoint is the pair of the last two. The optimizer's file is written first, under the name
// of its step; renaming model.safetensors, whose metadata names the step, makes the new pair the
// valid one at once; then the old optimizer file goes. So whenever the program dies, one whole pair
// is there.
#pragma once

#include <filesystem>

#include "tools/driver/compile.h"
#include "tools/driver/trainer.h"

namespace gptc::driver {

/// Whether the folder has a model.safetensors.
bool has_checkpoint(const std::filesystem::path& folder);

/// Writes parameters and the optimizer's states. Throws formats::Error; the pair before is then
/// untouched.
void save_checkpoint(const std::filesystem::path& folder, CompiledModel& model,
                     const TrainPosition& position);

/// Reads both files into the states. Throws formats::Error or UserError naming file and tensor for
/// what is missing, damaged, of another shape, or not finite.
TrainPosition load_checkpoint(const std::filesystem::path& folder, CompiledModel& model);

/// Reads the parameters of the source's folder: a run's, one of Hugging Face's form, or one with
/// weights in a form of their own. Throws like load_checkpoint.
void load_parameters(const ModelSource& source, CompiledModel& model);

/// Takes the checkpoint's pair away, if there is one: a new run begins here.
void remove_checkpoint(const std::filesystem::path& folder);

}  // namespace gptc::driver

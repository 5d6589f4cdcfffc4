// Weights in files as graphs that only read them take them: bf16, int8 and int4.
//
// A folder of this kind is a run's, with `gptc_weights` in its config.json. Its model.safetensors
// holds the states of passes::store_weights as they lie in memory: bf16 as BF16, int8 as I8 and
// int4, two a byte, as U8, with `NAME.scale` in F32; everything else in F32. Its metadata says the
// form and which matrices lie with their output channels as rows.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "passes/store_weights.h"
#include "tools/driver/compile.h"
#include "tools/driver/model_source.h"

namespace gptc::driver {

/// "f32", "bf16", "int8", "int4".
std::string_view store_name(passes::WeightStore store);
std::optional<passes::WeightStore> find_store(std::string_view name);

/// What the file's metadata says of weights stored so.
std::map<std::string, std::string> stored_metadata(
    passes::WeightStore store, const std::vector<passes::StoredWeight>& weights);

/// Whether the file's metadata says that its weights have a form of their own.
bool is_stored_form(const std::map<std::string, std::string>& metadata);

/// UserError if the weights have a form of their own: `what` (training, export) needs those that
/// the folder was made of.
void require_plain(const ModelSource& source, std::string_view what);

/// Reads the weights of a folder of this kind, bit for bit, into a model that stores them so, or
/// bf16 into one that stores f32. formats::Error or UserError naming file, tensor and rule for what
/// is missing, of another type or shape, not finite, or does not belong to the model.
void load_stored(const ModelSource& source, CompiledModel& model);

}  // namespace gptc::driver

// A folder whose weights take fewer bytes, for models that only read them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "frontend/tokenizer/tokenizer.h"
#include "tools/driver/model_source.h"

namespace gptc::driver {

struct QuantiseOptions {
  passes::WeightStore store = passes::WeightStore::i8;
  std::optional<tokenizer::Tokenizer> tokenizer = std::nullopt;
};

/// Bytes of all tensors.
struct QuantisedSizes {
  std::uint64_t before = 0;
  std::uint64_t after = 0;
};

/// Writes model.safetensors (stored_weights.h), the tokenizer's files, generation_config.json if
/// the source has one, and config.json, each file whole or not at all and the last one last.
/// Values are read, rounded and written a part at a time. UserError for a source whose weights have
/// been quantised already, formats::Error.
QuantisedSizes quantise_model(const ModelSource& source, const QuantiseOptions& options,
                              const std::filesystem::path& folder);

}  // namespace gptc::driver

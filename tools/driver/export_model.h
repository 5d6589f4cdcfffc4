// A model in the files of other programs: a Hugging Face folder, a GGUF file.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "frontend/formats/number.h"
#include "frontend/tokenizer/tokenizer.h"
#include "tools/driver/model_source.h"

namespace gptc::driver {

struct ExportOptions {
  formats::Encoding encoding = formats::Encoding::F32;
  std::optional<tokenizer::Tokenizer> tokenizer = std::nullopt;
  /// One line each: what is not as asked for.
  std::function<void(std::string_view)> note = {};
};

/// What transformers loads: config.json, model.safetensors, generation_config.json and, if there is
/// a tokenizer, its files. config.json comes last, so a folder without it is not whole. Values are
/// read, converted and written a part at a time. UserError for a model without such a form and for
/// numbers that the encoding cannot hold; formats::Error.
void export_hub(const ModelSource& source, const ExportOptions& options,
                const std::filesystem::path& folder);

/// What llama.cpp loads; needs the tokenizer, which cuts text as GPT-2 does. Errors as above.
void export_gguf(const ModelSource& source, const ExportOptions& options,
                 const std::filesystem::path& file);

}  // namespace gptc::driver

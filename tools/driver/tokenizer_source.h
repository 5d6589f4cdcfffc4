// What `--tokenizer` names: gpt2, or a folder with a vocabulary.
#pragma once

#include <filesystem>
#include <string>

#include "frontend/tokenizer/tokenizer.h"

namespace gptc::driver {

/// `gpt2` is the folder gpt2 of $GPTC_DATA, else of ./data, else of the data beside the source this
/// program was built from; anything else is a folder. UserError if gpt2's files are nowhere,
/// tokenizer::Error for what is wrong with a folder.
tokenizer::Tokenizer find_tokenizer(const std::string& name_or_folder);

/// Writes FOLDER/vocab.json and merges.txt, which Tokenizer::load reads; makes the folder.
void save_tokenizer(const tokenizer::Tokenizer& tokenizer, const std::filesystem::path& folder);

}  // namespace gptc::driver

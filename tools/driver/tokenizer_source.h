// What `--tokenizer` names: gpt2, or a folder or file with a vocabulary.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "frontend/tokenizer/tokenizer.h"
#include "frontend/tokenizer/vocabulary_files.h"

namespace gptc::driver {

/// Where data may lie, first to be looked at first: $GPTC_DATA, ./data, the data beside the source.
std::vector<std::filesystem::path> data_folders();

/// `gpt2` is the folder gpt2 of $GPTC_DATA, else of ./data, else of the data beside the source this
/// program was built from; anything else is a path (see tokenizer/vocabulary_files.h). UserError if
/// gpt2's files are nowhere, tokenizer::Error for what is wrong with a path.
tokenizer::Tokenizer find_tokenizer(const std::string& name_or_folder);

/// The tokenizer that is named; for "" the one in a model's folder, nothing if it has none.
std::optional<tokenizer::Tokenizer> tokenizer_for(const std::string& name_or_folder,
                                                  const std::filesystem::path& model);

/// Writes FOLDER/vocab.json, merges.txt and tokenizer.json, which Tokenizer::load and other
/// programs read; makes the folder.
void save_tokenizer(const tokenizer::Tokenizer& tokenizer, const std::filesystem::path& folder);

/// Each file whole or not at all; makes the folder.
void save_files(const std::vector<tokenizer::VocabularyFile>& files,
                const std::filesystem::path& folder);

}  // namespace gptc::driver

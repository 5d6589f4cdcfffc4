#include "tools/driver/tokenizer_source.h"

#include <cstdlib>
#include <vector>

#include "frontend/formats/atomic_file.h"
#include "ir/check.h"
#include "tools/driver/folder.h"

namespace gptc::driver {

namespace fs = std::filesystem;

std::vector<fs::path> data_folders() {
  std::vector<fs::path> places;
  if (const char* data = std::getenv("GPTC_DATA"); data != nullptr && *data != '\0')
    places.emplace_back(data);
  places.emplace_back("data");
  places.emplace_back(GPTC_SOURCE_DATA);
  return places;
}

tokenizer::Tokenizer find_tokenizer(const std::string& name_or_folder) {
  if (name_or_folder != "gpt2") return tokenizer::Tokenizer::load(name_or_folder);
  std::error_code ignored;
  for (const fs::path& place : data_folders()) {
    if (fs::exists(place / "gpt2" / "vocab.bpe", ignored))
      return tokenizer::Tokenizer::load(place / "gpt2");
  }
  ir::user_error(
      "tokenizer gpt2: its files must be in data/gpt2, but are not; run tools/setup/fetch_data.sh, "
      "or set GPTC_DATA to the folder that has gpt2/vocab.bpe");
}

std::optional<tokenizer::Tokenizer> tokenizer_for(const std::string& name_or_folder,
                                                  const fs::path& model) {
  if (!name_or_folder.empty()) return find_tokenizer(name_or_folder);
  std::error_code ignored;
  for (const char* name : {"tokenizer.json", "vocab.json", "encoder.json"})
    if (fs::exists(model / name, ignored)) return find_tokenizer(model.string());
  return std::nullopt;
}

void save_tokenizer(const tokenizer::Tokenizer& tokenizer, const fs::path& folder) {
  save_files(tokenizer::vocabulary_files(tokenizer), folder);
}

void save_files(const std::vector<tokenizer::VocabularyFile>& files, const fs::path& folder) {
  make_folder(folder);
  for (const tokenizer::VocabularyFile& file : files)
    formats::write_file_atomically((folder / file.name).string(), file.content);
}

}  // namespace gptc::driver

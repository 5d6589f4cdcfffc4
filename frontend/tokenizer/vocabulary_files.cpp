#include "frontend/tokenizer/vocabulary_files.h"

#include <algorithm>
#include <fstream>
#include <system_error>
#include <utility>

#include "frontend/tokenizer/error.h"
#include "frontend/tokenizer/tiktoken_file.h"
#include "frontend/tokenizer/tokenizer_json.h"

namespace gptc::tokenizer {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargestFile = std::uintmax_t{256} << 20;  // bytes
constexpr std::pair<const char*, const char*> kPairs[] = {{"vocab.json", "merges.txt"},
                                                          {"encoder.json", "vocab.bpe"}};
constexpr const char* kTokenizerJson = "tokenizer.json";
constexpr const char* kTiktoken = ".tiktoken";

std::string read_file(const fs::path& path) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error) throw Error(path.string() + ": cannot be read: " + error.message());
  if (size > kLargestFile) {
    throw Error(path.string() + ": " + std::to_string(size) +
                " bytes, but a vocabulary file may have at most " + std::to_string(kLargestFile));
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in) throw Error(path.string() + ": cannot be read to its end");
  return text;
}

std::shared_ptr<const Vocabulary> load_pair(const fs::path& vocab_path,
                                            const fs::path& merges_path) {
  const std::string vocab = read_file(vocab_path);
  const std::string merges = read_file(merges_path);
  return parse_vocabulary({vocab_path.string(), vocab}, {merges_path.string(), merges});
}

std::shared_ptr<const Vocabulary> load_tokenizer_json(const fs::path& path) {
  const std::string text = read_file(path);
  return parse_tokenizer_json({path.string(), text});
}

std::shared_ptr<const Vocabulary> load_tiktoken(const fs::path& path) {
  const fs::path beside = path.string() + ".json";
  const std::string text = read_file(path);
  if (fs::exists(beside)) {
    const std::string settings = read_file(beside);
    return parse_tiktoken({path.string(), text},
                          parse_tiktoken_settings({beside.string(), settings}));
  }
  if (const auto settings = published_settings(path.stem().string()))
    return parse_tiktoken({path.string(), text}, *settings);
  throw Error(
      path.string() + ": such a file says neither pattern nor special tokens; write " +
      beside.filename().string() +
      " beside it: {\"pattern\": \"gpt2\", \"special_tokens\": {\"<|endoftext|>\": 50256}}");
}

/// The *.tiktoken in a folder; nothing if there is none, Error if there are several.
std::optional<fs::path> only_tiktoken(const fs::path& folder) {
  std::optional<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != kTiktoken) continue;
    if (found) throw Error(folder.string() + ": several .tiktoken files here; name one of them");
    found = entry.path();
  }
  return found;
}

std::shared_ptr<const Vocabulary> load_folder(const fs::path& folder) {
  if (fs::exists(folder / kTokenizerJson)) return load_tokenizer_json(folder / kTokenizerJson);
  for (const auto& [vocab, merges] : kPairs) {
    if (fs::exists(folder / vocab) && fs::exists(folder / merges))
      return load_pair(folder / vocab, folder / merges);
  }
  if (const auto path = only_tiktoken(folder)) return load_tiktoken(*path);
  throw Error(folder.string() +
              ": no tokenizer here; expected vocab.json and merges.txt, or encoder.json and "
              "vocab.bpe, or tokenizer.json, or a .tiktoken file, in this folder");
}

}  // namespace

std::shared_ptr<const Vocabulary> load_vocabulary(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return load_folder(path);
  if (path.extension() == kTiktoken) return load_tiktoken(path);
  for (const auto& [vocab, merges] : kPairs) {
    if (path.filename() == vocab || path.filename() == merges)
      return load_pair(path.parent_path() / vocab, path.parent_path() / merges);
  }
  if (path.extension() == ".json") return load_tokenizer_json(path);
  throw Error(path.string() +
              ": no vocabulary file; expected tokenizer.json, vocab.json or encoder.json beside "
              "its merges, or a name that ends in .tiktoken");
}

}  // namespace gptc::tokenizer

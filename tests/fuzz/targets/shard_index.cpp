// A model.safetensors.index.json.
#include "frontend/formats/error.h"
#include "frontend/formats/safetensors_set.h"
#include "tests/fuzz/targets/require.h"

using namespace gptc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    for (const auto& [tensor, file] :
         formats::parse_shard_index(fuzzing::text_of(data, size), "input")) {
      fuzzing::require(file.find('/') == file.npos && file.find('\0') == file.npos &&
                           !file.starts_with('.') && file.ends_with(".safetensors"),
                       "a file's name leads nowhere else");
      fuzzing::require(tensor.size() + file.size() < size, "names stand in the text");
    }
  } catch (const formats::Error&) {  // the file is damaged, and said so
  }
  return 0;
}

// A safetensors file. What is accepted covers the data exactly once, and is the same when written
// again.
#include "frontend/formats/safetensors.h"

#include <algorithm>

#include "frontend/formats/error.h"
#include "frontend/formats/number.h"
#include "tests/fuzz/targets/folder.h"
#include "tests/fuzz/targets/require.h"

using namespace gptc;

namespace {

void check_floats(const formats::TensorBytes& tensor) {
  if (!formats::is_readable_float(tensor.dtype)) return;
  const auto width = static_cast<std::size_t>(formats::bits(tensor.dtype)) / 8;
  std::vector<float> values(tensor.bytes.size() / width);
  formats::read_floats(tensor.dtype, tensor.bytes, values);
}

void check_again(const formats::SafetensorsFile& file) {
  static const fuzzing::Folder folder;
  const std::string path = folder.path + "/x.safetensors";
  formats::write_safetensors(path, file.tensors(), file.metadata());
  const auto again = formats::SafetensorsFile::open(path);
  fuzzing::require(again.metadata() == file.metadata(), "metadata comes back");
  for (const formats::TensorBytes& tensor : file.tensors()) {
    const formats::TensorBytes& other = again.at(tensor.name);
    fuzzing::require(other.shape == tensor.shape && other.dtype == tensor.dtype &&
                         std::ranges::equal(other.bytes, tensor.bytes),
                     "every tensor comes back");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto file =
        formats::SafetensorsFile::parse({reinterpret_cast<const std::byte*>(data), size}, "input");
    std::size_t total = 0;
    for (const formats::TensorBytes& tensor : file.tensors()) {
      total += tensor.bytes.size();
      check_floats(tensor);
    }
    fuzzing::require(total <= size, "tensors lie in the file");
    check_again(file);
  } catch (const formats::Error&) {  // the file is damaged, and said so
  }
  return 0;
}

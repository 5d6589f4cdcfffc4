// A GGUF file. What is accepted lies in the file, and is the same when written again.
#include "frontend/formats/gguf.h"

#include <algorithm>

#include "frontend/formats/error.h"
#include "tests/fuzz/targets/folder.h"
#include "tests/fuzz/targets/require.h"

using namespace gptc;

namespace {

/// Bytes decide, since NaN is not equal to itself.
void check_again(const formats::GgufFile& file) {
  static const fuzzing::Folder folder;
  const std::string path = folder.path + "/x.gguf";
  formats::GgufKeys keys = file.keys();
  std::erase_if(keys, [](const auto& key) { return key.first == "general.alignment"; });
  std::vector<formats::TensorStream> tensors;
  for (const formats::GgufTensor& tensor : file.tensors())
    tensors.push_back({tensor.name, tensor.encoding, tensor.shape,
                       [bytes = tensor.bytes](const formats::ByteSink& sink) { sink(bytes); }});
  formats::write_gguf(path, keys, tensors);
  const auto again = formats::GgufFile::open(path);
  fuzzing::require(again.keys().size() == keys.size(), "every key comes back");
  for (std::size_t i = 0; i < keys.size(); ++i)
    fuzzing::require(again.keys()[i].first == keys[i].first &&
                         again.keys()[i].second.index() == keys[i].second.index(),
                     "keys keep their names and types");
  for (const formats::GgufTensor& tensor : file.tensors()) {
    const formats::GgufTensor* other = again.find(tensor.name);
    fuzzing::require(other != nullptr && other->shape == tensor.shape &&
                         std::ranges::equal(other->bytes, tensor.bytes),
                     "every tensor comes back");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto file =
        formats::GgufFile::parse({reinterpret_cast<const std::byte*>(data), size}, "input");
    std::size_t total = 0;
    for (const formats::GgufTensor& tensor : file.tensors()) total += tensor.bytes.size();
    fuzzing::require(total <= size, "tensors lie in the file");
    check_again(file);
  } catch (const formats::Error&) {  // the file is damaged, and said so
  }
  return 0;
}

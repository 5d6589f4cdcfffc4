// vocab.json and merges.txt: the first file, a zero byte, the second.
#include "tests/fuzz/targets/require.h"

using namespace gptc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzzing::text_of(data, size);
  const std::size_t middle = input.find('\0');
  if (middle == input.npos) return 0;
  try {
    const auto tokenizer =
        tokenizer::Tokenizer::parse(input.substr(0, middle), input.substr(middle + 1));
    fuzzing::require_works(tokenizer);
    fuzzing::require_same(
        tokenizer, tokenizer::Tokenizer::parse(tokenizer.vocab_json(), tokenizer.merges_txt()));
  } catch (const tokenizer::Error&) {  // the file is damaged, and said so
  }
  return 0;
}

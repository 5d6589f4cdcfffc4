// A tokenizer.json.
#include "frontend/tokenizer/tokenizer_json.h"

#include "tests/fuzz/targets/require.h"

using namespace gptc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const tokenizer::Tokenizer tokenizer(
        tokenizer::parse_tokenizer_json({"input", fuzzing::text_of(data, size)}));
    fuzzing::require_works(tokenizer);
    const std::string again = tokenizer::tokenizer_json(tokenizer.vocabulary());
    fuzzing::require_same(tokenizer,
                          tokenizer::Tokenizer(tokenizer::parse_tokenizer_json({"again", again})));
  } catch (const tokenizer::Error&) {  // the file is damaged, and said so
  }
  return 0;
}

// A .tiktoken file: the first line is the JSON that stands beside it.
#include "frontend/tokenizer/tiktoken_file.h"

#include "tests/fuzz/targets/require.h"

using namespace gptc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzzing::text_of(data, size);
  const std::size_t middle = input.find('\n');
  if (middle == input.npos) return 0;
  try {
    const auto settings = tokenizer::parse_tiktoken_settings({"settings", input.substr(0, middle)});
    const tokenizer::Tokenizer tokenizer(
        tokenizer::parse_tiktoken({"input", input.substr(middle + 1)}, settings));
    fuzzing::require_works(tokenizer);
    const std::string lines = tokenizer::tiktoken_file(tokenizer.vocabulary());
    const std::string beside = tokenizer::tiktoken_settings(tokenizer.vocabulary());
    fuzzing::require_same(
        tokenizer, tokenizer::Tokenizer(tokenizer::parse_tiktoken(
                       {"again", lines}, tokenizer::parse_tiktoken_settings({"again", beside}))));
  } catch (const tokenizer::Error&) {  // the file is damaged, and said so
  }
  return 0;
}

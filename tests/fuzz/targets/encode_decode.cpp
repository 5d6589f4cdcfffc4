// Any bytes: the first one chooses a vocabulary and the size of chunks, the others are the text.
#include <array>
#include <filesystem>

#include "frontend/tokenizer/explain.h"
#include "tests/fuzz/targets/require.h"

using namespace gptc;

namespace {

const tokenizer::Tokenizer& chosen(std::uint8_t byte) {
  const auto load = [](const char* name) {
    const std::filesystem::path folder = GPTC_SOURCE_DIR "/tests/tokenizer/formats";
    return tokenizer::Tokenizer::load(folder / (std::string(name) + ".tokenizer.json"));
  };
  static const std::array<tokenizer::Tokenizer, 3> all = {load("gpt2"), load("gpt4"), load("none")};
  return all[byte % all.size()];
}

/// `choice` says the size of chunks and, since a stream holds some kilobytes back, whether the text
/// is repeated until it has to decide before the end.
void check_stream(const tokenizer::Tokenizer& tokenizer, std::string_view text, unsigned choice,
                  tokenizer::SpecialTokens special) {
  constexpr std::size_t kEnough = 9000;
  const std::size_t chunk = std::size_t{1} << (choice % 14);
  std::string all(text);
  while (choice % 4 == 3 && !text.empty() && all.size() < kEnough) all += text;
  tokenizer::StreamEncoder stream(tokenizer, {.special = special});
  std::vector<std::int32_t> ids;
  for (std::size_t at = 0; at < all.size(); at += chunk) {
    stream.push(std::string_view(all).substr(at, chunk), ids);
  }
  stream.finish(ids);
  fuzzing::require(ids == tokenizer.encode(all, {.special = special}), "chunks are the whole");
}

void check(const tokenizer::Tokenizer& tokenizer, std::string_view text,
           tokenizer::SpecialTokens special) {
  const auto ids = tokenizer.encode(text, {.special = special});
  fuzzing::require(tokenizer.decode(ids) == text, "decode(encode(x)) == x");
  fuzzing::require(tokenizer.count(text, {.special = special}) == ids.size(), "count is the size");
  const auto threads = tokenizer.encode(text, {.special = special, .threads = 2});
  fuzzing::require(threads == ids, "threads change nothing");
  std::size_t at = 0;
  const auto spans = tokenizer.encode_with_offsets(text, {.special = special});
  fuzzing::require(spans.size() == ids.size(), "every token has its span");
  for (std::size_t i = 0; i < spans.size(); ++i) {
    fuzzing::require(spans[i].id == ids[i] && spans[i].begin == at, "spans follow each other");
    at = spans[i].end;
  }
  fuzzing::require(at == text.size(), "spans cover the text");
  tokenizer::StreamDecoder decoder(tokenizer);
  std::string streamed;
  for (const std::int32_t id : ids) streamed += decoder.push(id);
  streamed += decoder.finish();
  fuzzing::require(streamed == tokenizer::replace_invalid_utf8(text), "a stream is the whole text");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const tokenizer::Tokenizer& tokenizer = chosen(data[0]);
  const std::string_view text = fuzzing::text_of(data, size).substr(1);
  check(tokenizer, text, tokenizer::SpecialTokens::as_text);
  check(tokenizer, text, tokenizer::SpecialTokens::recognised);
  check_stream(tokenizer, text, data[0] / 3u, tokenizer::SpecialTokens::as_text);
  check_stream(tokenizer, text, data[0] / 3u, tokenizer::SpecialTokens::recognised);
  if (text.size() > 512) return 0;  // the explanation takes quadratic time
  std::vector<std::int32_t> explained;
  for (const auto& piece : tokenizer::explain(tokenizer, text))
    explained.insert(explained.end(), piece.ids.begin(), piece.ids.end());
  fuzzing::require(explained == tokenizer.encode(text), "the explanation comes to the same ids");
  return 0;
}

#include "tools/driver/generator.h"

#include <array>

#include "ir/check.h"

namespace gptc::driver {

std::vector<GraphRequest> Generator::requests(std::int64_t context, std::int64_t batch,
                                              Reading reading) {
  return Decoder::requests(context, batch, reading);
}

Generator::Generator(CompiledModel& model, std::int64_t context, std::int64_t batch,
                     Reading reading)
    : context_(context), decoder_(model, context, batch, reading) {}

std::span<const float> Generator::logits(std::span<const std::int32_t> tokens) {
  decoder_.read(std::array{tokens});
  return decoder_.logits(0);
}

void Generator::advance(std::span<TextInProgress* const> texts, Sampler& sampler) {
  windows_.assign(texts.size(), {});
  for (std::size_t row = 0; row < texts.size(); ++row) {
    if (texts[row] != nullptr && !texts[row]->done()) windows_[row] = texts[row]->window();
  }
  decoder_.read(windows_);
  for (std::size_t row = 0; row < texts.size(); ++row) {
    if (!windows_[row].empty()) texts[row]->advance(decoder_.logits(row), sampler);
  }
}

void Generator::check_prompt(std::span<const std::int32_t> prompt, std::int64_t context) {
  ir::user_check(std::ssize(prompt) <= context,
                 "prompt: it must fit the model's context of {} tokens, but has {}; shorten it",
                 context, prompt.size());
}

std::vector<std::int32_t> Generator::generate(std::span<const std::int32_t> prompt,
                                              const GenerateOptions& options) {
  Sampler sampler(options.sampling, vocabulary());
  TextInProgress text(prompt, {.context = context_,
                               .max_new_tokens = options.max_new_tokens,
                               .sample = options.sample,
                               .end_of_text = options.stop});
  check_prompt(prompt, context_);
  const std::array<TextInProgress*, 1> texts = {&text};
  while (!text.done()) advance(texts, sampler);
  return {text.made().begin(), text.made().end()};
}

}  // namespace gptc::driver

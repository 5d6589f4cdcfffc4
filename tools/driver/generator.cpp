#include "tools/driver/generator.h"

#include <algorithm>
#include <array>

#include "ir/check.h"

namespace gptc::driver {
std::vector<GraphRequest> Generator::requests(std::int64_t context) {
  return Decoder::requests(context);
}

Generator::Generator(CompiledModel& model, std::int64_t context)
    : context_(context), decoder_(model, context) {}

std::span<const float> Generator::logits(std::span<const std::int32_t> tokens) {
  decoder_.read(std::array{tokens});
  return decoder_.logits(0);
}

std::vector<std::int32_t> Generator::generate(std::span<const std::int32_t> prompt,
                                              const GenerateOptions& options) {
  check_sampling(options.sampling);
  const auto context = static_cast<std::size_t>(context_);
  ir::user_check(!prompt.empty(), "prompt: it must have at least one token, but is empty");
  ir::user_check(prompt.size() <= context,
                 "prompt: it must fit the model's context of {} tokens, but has {}; shorten it",
                 context, prompt.size());
  std::vector<std::int32_t> window(prompt.begin(), prompt.end());
  std::vector<std::int32_t> made;
  bool shifted = false;
  while (static_cast<std::int64_t>(made.size()) < options.max_new_tokens) {
    if (window.size() > context) {
      if (!shifted && options.on_shift) options.on_shift();
      shifted = true;
      const std::size_t keep = std::max<std::size_t>(1, context / 2);
      window.erase(window.begin(), window.end() - static_cast<std::ptrdiff_t>(keep));
    }
    const std::int32_t token =
        sample_token(logits(window), options.sampling, {options.sample, made.size()});
    if (options.stop == token) break;
    made.push_back(token);
    window.push_back(token);
    if (options.on_token && !options.on_token(token)) break;
  }
  return made;
}

}  // namespace gptc::driver

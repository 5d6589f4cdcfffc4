// Text from a compiled model, token by token.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "tools/driver/decoder.h"
#include "tools/driver/sampler.h"

namespace gptc::driver {

struct GenerateOptions {
  std::int64_t max_new_tokens = 200;
  SamplingOptions sampling = {};
  std::uint64_t sample = 0;               // which text: part of the random numbers' place
  std::optional<std::int32_t> stop = {};  // ends the text and is not given out
  /// Called once, when the context is full for the first time.
  std::function<void()> on_shift = {};
  /// Every new token as it comes; false ends the text.
  std::function<bool(std::int32_t)> on_token = {};
};

/// Texts one token at a time, each read through the caches of a Decoder.
class Generator {
 public:
  /// The requests a CompiledModel needs for a model of this context.
  static std::vector<GraphRequest> requests(std::int64_t context);

  /// The model outlives the generator and was compiled with requests(context).
  Generator(CompiledModel& model, std::int64_t context);

  /// The logits f32[V] behind the last of 1 to `context` tokens; valid until the next call.
  std::span<const float> logits(std::span<const std::int32_t> tokens);

  /// Goes on from `prompt`. Past the context the last half is kept and read again. Returns the new
  /// tokens. UserError if the prompt is empty or longer than the context.
  std::vector<std::int32_t> generate(std::span<const std::int32_t> prompt,
                                     const GenerateOptions& options);

 private:
  std::int64_t context_;
  Decoder decoder_;
};

}  // namespace gptc::driver

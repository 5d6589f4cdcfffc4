// Text from a compiled model, token by token.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "tools/driver/compile.h"
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

/// Runs the graph `generate` at a few lengths (16, 64, … and the whole context): a text of n tokens
/// takes the shortest that holds it, its end padded, as position n-1 never sees what follows.
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
  CompiledModel& model_;
  std::int64_t context_;
  std::vector<float> logits_;
};

}  // namespace gptc::driver

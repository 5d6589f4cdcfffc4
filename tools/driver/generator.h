// Text from a compiled model, token by token.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tools/driver/decoder.h"
#include "tools/driver/sampling/sampler.h"
#include "tools/driver/sampling/text_in_progress.h"

namespace gptc::driver {

struct GenerateOptions {
  std::int64_t max_new_tokens = 200;
  SamplingOptions sampling = {};
  std::uint64_t sample = 0;               // which text: part of the random numbers' place
  std::optional<std::int32_t> stop = {};  // ends the text and is not given out
};

/// Texts one token at a time, each read through the caches of a Decoder.
class Generator {
 public:
  /// The requests a CompiledModel needs for a model of this context and so many texts at once.
  static std::vector<GraphRequest> requests(std::int64_t context, std::int64_t batch = 1,
                                            Reading reading = Reading::cached);

  /// The model outlives the generator and was compiled with requests(context, batch, reading).
  Generator(CompiledModel& model, std::int64_t context, std::int64_t batch = 1,
            Reading reading = Reading::cached);

  /// The logits f32[V] behind the last of 1 to `context` tokens; valid until the next call.
  std::span<const float> logits(std::span<const std::int32_t> tokens);

  /// One token more for each text that is not done; at most `batch` texts, all of this context, and
  /// null where there is none. A text that keeps its place is read on from the caches. Its tokens
  /// do not depend on what stands beside it.
  void advance(std::span<TextInProgress* const> texts, Sampler& sampler);

  /// Writes one text. Returns the new tokens. UserError if the prompt is empty or longer than the
  /// context.
  std::vector<std::int32_t> generate(std::span<const std::int32_t> prompt,
                                     const GenerateOptions& options);

  /// UserError for a prompt longer than the context.
  static void check_prompt(std::span<const std::int32_t> prompt, std::int64_t context);

  [[nodiscard]] std::int64_t batch() const { return decoder_.batch(); }
  [[nodiscard]] std::int64_t vocabulary() const { return std::ssize(decoder_.logits(0)); }

 private:
  std::int64_t context_;
  Decoder decoder_;
  std::vector<Decoder::Text> windows_;  // of the rows
};

}  // namespace gptc::driver

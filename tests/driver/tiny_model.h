// A GPT-2 that trains in milliseconds, and text for it.
#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

#include "models/registry.h"
#include "tools/driver/model_source.h"
#include "tools/driver/trainer.h"

namespace gptc::testing {

inline constexpr std::int64_t tiny_vocabulary = 61;
inline constexpr std::int64_t tiny_context = 16;

inline driver::ModelSource tiny_model(double dropout = 0) {
  driver::ModelSource source = driver::find_model(models::shipped_models(), "gpt2-nano");
  source.config.set("vocab_size", tiny_vocabulary);
  source.config.set("context", tiny_context);
  source.config.set("n_embd", std::int64_t{32});
  source.config.set("n_layer", std::int64_t{2});
  source.config.set("n_head", std::int64_t{2});
  driver::set_dropout(source.model, source.config, dropout);
  source.seed = 7;
  return source;
}

/// A text with a rule: each token is the one before plus 1 or 5.
inline std::vector<std::int32_t> tiny_text(std::size_t count) {
  std::vector<std::int32_t> tokens(count);
  std::uint32_t state = 1;
  std::int32_t token = 0;
  for (std::int32_t& next : tokens) {
    state = state * 1664525U + 1013904223U;
    token = (token + ((state >> 28) < 4 ? 5 : 1)) % static_cast<std::int32_t>(tiny_vocabulary);
    next = token;
  }
  return tokens;
}

inline driver::TrainerOptions tiny_options() {
  driver::TrainerOptions options;
  options.batch = 4;
  options.context = tiny_context;
  options.schedule = {.lr = 3e-3, .decay = driver::Decay::constant};
  options.compile.threads = 2;
  options.compile.seed = 7;
  return options;
}

inline std::vector<std::byte> state_bytes(driver::CompiledModel& model) {
  const runtime::StateStore& states = model.states();
  return {states.data(), states.data() + states.bytes()};
}

inline std::vector<float> state_values(driver::CompiledModel& model, const std::string& name) {
  const std::span<const float> values = model.states().view(name).as<float>();
  return {values.begin(), values.end()};
}

}  // namespace gptc::testing

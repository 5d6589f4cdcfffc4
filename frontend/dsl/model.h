// A model: a function from token ids to logits, with its settings. Everything else is derived.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "frontend/dsl/config.h"
#include "frontend/dsl/exchange.h"
#include "frontend/dsl/layers.h"

namespace gptc::dsl {

/// tokens i32[B,T] → logits f32[B,T,V]. Position t may depend on tokens 0…t alone.
using Forward = Tensor (*)(const Scope& scope, const Tensor& tokens, const Config& config);

/// Every model has the settings `vocab_size` (0: the tokenizer's) and `context` (most positions it
/// can see).
struct Model {
  std::string name;
  std::string summary;
  Config config;
  Forward forward = nullptr;
  const Exchange* exchange = nullptr;  // how other programs' files hold it; of static life
  /// Settings that folders from before them lack; they then have the value of `config`.
  std::vector<std::string> newer = {};
};

/// Runs the forward function over the named dimensions B and T. The module holds the graph
/// `forward`: inputs tokens and targets i32[BxT] (and micro_batch i64[] where the model drops out);
/// outputs logits, loss (summed over targets that are not negative) and tokens (their number).
/// `seed` enters every random key.
ir::Module declare(const Model& model, const Config& config, std::uint64_t seed);

/// Number of trainable elements.
std::int64_t parameter_count(const ir::Module& module);

}  // namespace gptc::dsl

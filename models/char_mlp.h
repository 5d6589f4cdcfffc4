// A multi-layer perceptron over the last few tokens (Bengio et al. 2003, "A Neural Probabilistic
// Language Model").
#pragma once

#include "frontend/dsl/model.h"

namespace gptc::models {

/// Settings: vocab_size, context, window (tokens seen), n_embd, n_hidden, dropout.
dsl::Tensor char_mlp(const dsl::Scope& scope, const dsl::Tensor& tokens, const dsl::Config& config);

dsl::Model char_mlp_model();

}  // namespace gptc::models

// GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners") and its
// configurations.
//
// Letters of shapes, here and everywhere: B batch, T time (positions), C width (n_embd), V
// vocabulary, H heads, D = C/H head size, L layers.
#pragma once

#include <vector>

#include "frontend/dsl/model.h"

namespace gptc::models {

/// Settings: vocab_size, context, n_embd, n_layer, n_head, n_inner (width of the feed-forward part;
/// 0: 4C), norm_eps, tie_head, qkv_bias, embd_dropout, attn_dropout, resid_dropout, init ("gpt2":
/// N(0, 0.02), residual projections N(0, 0.02/sqrt(2L)); "pytorch": that library's defaults, as in
/// Raschka's book). Parameter names are those of Hugging Face's GPT-2.
dsl::Tensor gpt2(const dsl::Scope& scope, const dsl::Tensor& tokens, const dsl::Config& config);

/// gpt2-nano, gpt2, gpt2-medium, gpt2-large, gpt2-xl, gpt-config-124m.
std::vector<dsl::Model> gpt2_models();

}  // namespace gptc::models

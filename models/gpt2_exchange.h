// GPT-2 in Hugging Face's folders and in GGUF files.
#pragma once

#include <cstdint>

#include "frontend/dsl/exchange.h"

namespace gptc::models {

/// What the setting n_inner means: 0 is 4C. UserError if that is no 64-bit number.
std::int64_t gpt2_hidden_width(const dsl::Config& config);

const dsl::Exchange& gpt2_exchange();

}  // namespace gptc::models

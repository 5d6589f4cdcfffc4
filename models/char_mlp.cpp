#include "models/char_mlp.h"

#include <cmath>

#include "ir/check.h"

namespace gptc::models {

using namespace dsl;  // NOLINT: this file is written in the DSL

Tensor char_mlp(const Scope& scope, const Tensor& tokens, const Config& config) {
  const std::int64_t vocabulary = config.integer("vocab_size");
  const std::int64_t width = config.integer("n_embd");
  const std::int64_t window = config.integer("window");
  const std::int64_t hidden = config.integer("n_hidden");
  ir::user_check(window > 0 && width > 0 && hidden > 0,
                 "settings window, n_embd and n_hidden: each must be positive, but got {}, {}, {}",
                 window, width, hidden);
  const auto inside = scope.enter();
  const Tensor table = (scope / "embedding").parameter("weight", {vocabulary, width}, normal(0.1));
  const Tensor now = embedding(table, tokens);
  std::vector<Tensor> seen = {now};
  for (std::int64_t past = 1; past < window; ++past) seen.push_back(shift(now, 1, past));
  const auto spread = [](std::int64_t inputs) {
    return LinearOptions{.weight_init = normal(1.0 / std::sqrt(static_cast<double>(inputs)))};
  };
  Tensor x = tanh(linear(scope / "hidden", concat(seen, -1), hidden, spread(width * window)));
  x = dropout(x, config.real("dropout"));
  return linear(scope / "head", x, vocabulary, spread(hidden));
}

Model char_mlp_model() {
  return {"char-mlp",
          "a perceptron over the last 8 tokens; vocabulary from the tokenizer",
          {{"vocab_size", std::int64_t{0}},
           {"context", std::int64_t{64}},
           {"window", std::int64_t{8}},
           {"n_embd", std::int64_t{32}},
           {"n_hidden", std::int64_t{256}},
           {"dropout", 0.0}},
          char_mlp};
}

}  // namespace gptc::models

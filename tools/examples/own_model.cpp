// A model of one's own: gated causal convolutions (van den Oord et al. 2016, "WaveNet").
#include "gptc.h"

using namespace gptc::dsl;

// Each token sees itself and the one `reach` before it; doubling reaches add up to a long past.
Tensor block(const Scope& scope, const Tensor& x, std::int64_t reach) {
  const auto inside = scope.enter();
  const std::int64_t width = x.dim(-1).size();
  const Tensor normal = layer_norm(scope / "norm", x);
  const Tensor seen = concat({normal, shift(normal, 1, reach)}, -1);
  const Tensor gate = sigmoid(linear(scope / "gate", seen, width));
  return x + gate * tanh(linear(scope / "value", seen, width));
}

// tokens i32[BxT] → logits f32[BxTxV]
Tensor wave(const Scope& scope, const Tensor& tokens, const Config& config) {
  const std::int64_t vocabulary = config.integer("vocab_size");
  const std::int64_t width = config.integer("width");
  const Tensor table = (scope / "embedding").parameter("weight", {vocabulary, width}, normal(0.02));
  Tensor x = dropout(embedding(table, tokens), config.real("dropout"));
  for (std::int64_t layer = 0; layer < config.integer("layers"); ++layer)
    x = block(scope / "h" / layer, x, std::int64_t{1} << layer);
  return matmul(layer_norm(scope / "norm", x), table, {.transpose_b = true});
}

int main(int argc, char** argv) {
  const Config settings = {{"vocab_size", std::int64_t{0}},  // 0: the tokenizer's
                           {"context", std::int64_t{128}},
                           {"width", std::int64_t{128}},
                           {"layers", std::int64_t{6}},
                           {"dropout", 0.1}};
  return gptc::main(argc, argv, {{"wave", "gated causal convolutions", settings, wave}});
}

// A program with a model whose attention the compiler does not know: no cache serves it.
#include "gptc.h"

using namespace gptc::dsl;

namespace {

Tensor bare_attention(const Scope& scope, const Tensor& tokens, const Config& config) {
  const std::int64_t vocabulary = config.integer("vocab_size");
  const Tensor table =
      (scope / "table").parameter("weight", {vocabulary, config.integer("width")}, normal(0.5));
  const Tensor x = embedding(table, tokens);
  const Tensor seen = softmax(causal_mask(matmul(x, x, {.transpose_b = true})));
  return matmul(x + matmul(seen, x), table, {.transpose_b = true});
}

}  // namespace

int main(int argc, char** argv) {
  const Config settings = {
      {"vocab_size", std::int64_t{0}}, {"context", std::int64_t{24}}, {"width", std::int64_t{16}}};
  return gptc::main(argc, argv, {{"bare", "attention without heads", settings, bare_attention}});
}

#include "tests/decoding/random_model.h"

#include <array>
#include <cmath>
#include <vector>

#include "frontend/dsl/layers.h"
#include "frontend/dsl/ops.h"

namespace gptc::testing {
namespace {

using namespace dsl;  // NOLINT: models are written in the DSL

/// A model while it is drawn.
struct Drawing {
  Draws& draws;
  Scope scope;    // of the block
  Tensor tokens;  // i32[B,T]
  std::int64_t width;
  std::int64_t context;

  [[nodiscard]] Init spread(std::int64_t inputs) const {
    return normal(1.0 / std::sqrt(static_cast<double>(inputs)));
  }
  /// x[...,in] to [...,out].
  [[nodiscard]] Tensor project(const char* name, const Tensor& x, std::int64_t out) const {
    return linear(scope / name, x, out,
                  {.bias = draws.one_in(2),
                   .weight_init = spread(x.dim(-1).size()),
                   .bias_init = normal(0.3)});
  }
  [[nodiscard]] Tensor table(const char* name, std::int64_t rows) const {
    return (scope / name).parameter("weight", {rows, width}, normal(0.7));
  }
};

Tensor activation(Draws& draws, const Tensor& x) {
  switch (draws.integer(0, 6)) {
    case 0:
      return relu(x);
    case 1:
      return tanh(x);
    case 2:
      return sigmoid(x);
    case 3:
      return x * sigmoid(x);
    case 4:
      return relu(x) * relu(x);
    case 5:
      return sqrt(x * x + 0.1);
    default:
      return gelu(x);
  }
}

std::int64_t divisor_of(Draws& draws, std::int64_t number) {
  std::vector<std::int64_t> divisors;
  for (std::int64_t d = 1; d <= number; ++d)
    if (number % d == 0) divisors.push_back(d);
  return divisors[static_cast<std::size_t>(draws.integer(0, std::ssize(divisors) - 1))];
}

// -- blocks: x[B,T,C] to another value of that shape ----------------------------------------------

Tensor attention(Drawing& d, const Tensor& x) {
  const std::int64_t inner = d.draws.one_in(3) ? d.width + 2 : d.width;
  const std::int64_t heads = divisor_of(d.draws, inner);
  const auto [q, k, v] = split<3>(d.project("qkv", x, 3 * inner));
  return d.project("out", causal_attention(q, k, v, {.heads = heads}), d.width);
}

/// Keys and values from the tokens alone, in other projections.
Tensor attention_to_tokens(Drawing& d, const Tensor& x) {
  const Tensor seen = embedding(d.table("seen", d.context + 40), d.tokens);
  const Tensor y =
      causal_attention(d.project("q", x, d.width), d.project("k", seen, d.width),
                       d.project("v", seen, d.width), {.heads = divisor_of(d.draws, d.width)});
  return y;
}

Tensor feed_forward(Drawing& d, const Tensor& x) {
  const std::int64_t hidden = d.draws.integer(1, 4) * d.width + d.draws.integer(0, 3);
  return d.project("out", activation(d.draws, d.project("in", x, hidden)), d.width);
}

Tensor gated(Drawing& d, const Tensor& x) {
  const std::int64_t hidden = d.draws.integer(5, 70);
  const Tensor gate = activation(d.draws, d.project("gate", x, hidden));
  return d.project("out", gate * d.project("in", x, hidden), d.width);
}

Tensor shifted(Drawing& d, const Tensor& x) {
  const Tensor past = shift(x, 1, d.draws.integer(1, 9));
  return d.draws.one_in(2) ? maximum(x, past)
                           : tanh(d.project("mix", concat({x, past}, -1), d.width));
}

/// One matrix, read both ways.
Tensor there_and_back(Drawing& d, const Tensor& x) {
  const std::int64_t inner = d.draws.one_in(2) ? d.draws.integer(3, 50) : 2 * d.width + 1;
  const Tensor w = (d.scope / "shared").parameter("weight", {d.width, inner}, d.spread(d.width));
  return matmul(activation(d.draws, matmul(x, w)), w, {.transpose_b = true});
}

/// Root mean square norm (Zhang and Sennrich, arXiv:1910.07467).
Tensor by_size(Drawing& d, const Tensor& x) {
  const Tensor sums = reduce_sum(x * x, {2});
  const Tensor column = reshape(sums, {x.dim(0), x.dim(1), 1});
  return x * rsqrt(column * (1.0 / static_cast<double>(d.width)) + 1e-3);
}

Tensor over_heads(Drawing& d, const Tensor& x) {
  const std::int64_t heads = divisor_of(d.draws, d.width);
  const Tensor apart = reshape(x, {x.dim(0), x.dim(1), heads, d.width / heads});
  const Tensor turned = transpose(apart, {0, 2, 1, 3});
  return reshape(transpose(softmax(turned), {0, 2, 1, 3}), x.shape());
}

Tensor by_tokens(Drawing& d, const Tensor& x) {
  return x * sigmoid(embedding(d.table("gates", d.context + 40), d.tokens));
}

Tensor by_positions(Drawing& d, const Tensor& x) {
  return x * slice(d.table("places", d.context), {.axis = 0, .size = x.dim(1)});
}

using Block = Tensor (*)(Drawing&, const Tensor&);
constexpr std::array<Block, 13> blocks = {
    attention, attention, attention,  attention_to_tokens, feed_forward, feed_forward, gated,
    shifted,   by_size,   over_heads, there_and_back,      by_tokens,    by_positions};

// -- the model ------------------------------------------------------------------------------------

Tensor head(Drawing& d, const Tensor& x, const Tensor& table, std::int64_t vocabulary) {
  switch (d.draws.integer(0, 2)) {
    case 0:
      return matmul(x, table, {.transpose_b = true});
    case 1:
      return matmul(
          x, (d.scope / "head").parameter("weight", {vocabulary, d.width}, d.spread(d.width)),
          {.transpose_b = true});
    default:
      return d.project("head", x, vocabulary);
  }
}

Tensor drawn_model(const Scope& scope, const Tensor& tokens, const Config& config) {
  Draws draws(static_cast<std::uint64_t>(config.integer("structure")));
  const std::int64_t vocabulary = config.integer("vocab_size");
  Drawing d = {.draws = draws,
               .scope = scope,
               .tokens = tokens,
               .width = config.integer("width"),
               .context = config.integer("context")};
  const Tensor table = (scope / "tokens").parameter("weight", {vocabulary, d.width}, normal(0.7));
  Tensor x = embedding(table, tokens);
  if (!draws.one_in(3))
    x = x + slice(d.table("positions", d.context), {.axis = 0, .size = tokens.dim(1)});
  for (std::int64_t layer = 0; layer < config.integer("layers"); ++layer) {
    d.scope = scope / "h" / layer;
    const auto inside = d.scope.enter();
    const Block block = blocks[static_cast<std::size_t>(draws.integer(0, blocks.size() - 1))];
    const Tensor y = block(d, draws.one_in(4) ? x : layer_norm(d.scope / "norm", x));
    x = draws.one_in(5) ? y : x + y;
  }
  d.scope = scope;
  if (!draws.one_in(4)) x = layer_norm(scope / "norm", x);
  return head(d, x, table, vocabulary);
}

}  // namespace

driver::ModelSource random_model(std::uint64_t seed) {
  Draws draws(seed * 2 + 1);
  const std::int64_t context = draws.one_in(8) ? draws.integer(250, 300) : draws.integer(1, 90);
  std::int64_t width = draws.one_in(3) ? 32 * draws.integer(1, 3) : draws.integer(2, 70);
  if (draws.one_in(context < 40 ? 3 : 15)) width *= 9;
  const Config config = {{"vocab_size", draws.integer(2, context + 40)},
                         {"context", context},
                         {"width", width},
                         {"layers", draws.integer(0, 6)},
                         {"structure", static_cast<std::int64_t>(seed)}};
  return {.model = {"drawn", "drawn from a seed", config, drawn_model},
          .config = config,
          .seed = seed,
          .folder = std::nullopt};
}

}  // namespace gptc::testing

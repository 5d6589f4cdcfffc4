#include "models/gpt2.h"

#include <cmath>

#include "ir/check.h"
#include "models/gpt2_exchange.h"

namespace gptc::models {
namespace {

using namespace dsl;  // NOLINT: this file is written in the DSL

struct Settings {
  explicit Settings(const Config& config)
      : vocabulary(config.integer("vocab_size")),
        context(config.integer("context")),
        width(config.integer("n_embd")),
        layers(config.integer("n_layer")),
        heads(config.integer("n_head")),
        hidden(gpt2_hidden_width(config)),
        norm_eps(config.real("norm_eps")),
        tie_head(config.flag("tie_head")),
        qkv_bias(config.flag("qkv_bias")),
        embd_dropout(config.real("embd_dropout")),
        attn_dropout(config.real("attn_dropout")),
        resid_dropout(config.real("resid_dropout")),
        pytorch_init(config.text("init") == "pytorch") {
    ir::user_check(pytorch_init || config.text("init") == "gpt2",
                   "setting init: the value must be gpt2 or pytorch, but got '{}'",
                   config.text("init"));
    ir::user_check(width > 0 && layers > 0 && heads > 0 && context > 0 && hidden > 0,
                   "settings n_embd, n_layer, n_head, context and n_inner: each must be positive, "
                   "but got {}, {}, {}, {}, {}",
                   width, layers, heads, context, hidden);
    ir::user_check(norm_eps > 0, "setting norm_eps: it must be positive, but got {}", norm_eps);
    ir::user_check(width % heads == 0, "setting n_head: it must divide n_embd, but got {} and {}",
                   heads, width);
  }

  Init embedding_init() const { return normal(pytorch_init ? 1.0 : 0.02); }

  /// `residual`: the projection's result is added to the residual stream, 2L times in all.
  LinearOptions linear(std::int64_t inputs, bool bias, bool residual = false) const {
    const double narrow = residual ? std::sqrt(2.0 * static_cast<double>(layers)) : 1.0;
    const double bound = 1.0 / std::sqrt(static_cast<double>(inputs));
    return pytorch_init ? LinearOptions{.bias = bias,
                                        .weight_init = uniform(bound),
                                        .bias_init = uniform(bound)}
                        : LinearOptions{.bias = bias, .weight_init = normal(0.02 / narrow)};
  }

  std::int64_t vocabulary, context, width, layers, heads, hidden;
  double norm_eps;
  bool tie_head, qkv_bias;
  double embd_dropout, attn_dropout, resid_dropout;
  bool pytorch_init;
};

Tensor attention(const Scope& scope, const Tensor& x, const Settings& s) {
  const auto inside = scope.enter();
  const Tensor qkv = linear(scope / "c_attn", x, 3 * s.width, s.linear(s.width, s.qkv_bias));
  const auto [q, k, v] = split<3>(qkv);
  const Tensor y = causal_attention(q, k, v, {.heads = s.heads, .dropout = s.attn_dropout});
  return dropout(linear(scope / "c_proj", y, s.width, s.linear(s.width, true, true)),
                 s.resid_dropout);
}

Tensor feed_forward(const Scope& scope, const Tensor& x, const Settings& s) {
  const auto inside = scope.enter();
  const Tensor hidden = gelu(linear(scope / "c_fc", x, s.hidden, s.linear(s.width, true)));
  return dropout(linear(scope / "c_proj", hidden, s.width, s.linear(s.hidden, true, true)),
                 s.resid_dropout);
}

Tensor block(const Scope& scope, Tensor x, const Settings& s) {
  const auto inside = scope.enter();
  x = x + attention(scope / "attn", layer_norm(scope / "ln_1", x, s.norm_eps), s);
  return x + feed_forward(scope / "mlp", layer_norm(scope / "ln_2", x, s.norm_eps), s);
}

Model variant(std::string name, std::string summary,
              std::initializer_list<std::pair<std::string, Setting>> changes) {
  Config config = {{"vocab_size", std::int64_t{50257}},
                   {"context", std::int64_t{1024}},
                   {"n_embd", std::int64_t{768}},
                   {"n_layer", std::int64_t{12}},
                   {"n_head", std::int64_t{12}},
                   {"n_inner", std::int64_t{0}},
                   {"norm_eps", 1e-5},
                   {"tie_head", true},
                   {"qkv_bias", true},
                   {"embd_dropout", 0.0},
                   {"attn_dropout", 0.0},
                   {"resid_dropout", 0.0},
                   {"init", std::string("gpt2")}};
  for (const auto& [key, value] : changes) config.set(key, value);
  return {std::move(name),  std::move(summary),     std::move(config), gpt2,
          &gpt2_exchange(), {"n_inner", "norm_eps"}};
}

}  // namespace

Tensor gpt2(const Scope& scope, const Tensor& tokens, const Config& config) {
  const Settings s(config);
  const auto inside = scope.enter();
  const Tensor wte =
      (scope / "wte").parameter("weight", {s.vocabulary, s.width}, s.embedding_init());
  const Tensor wpe = (scope / "wpe").parameter("weight", {s.context, s.width}, s.embedding_init());
  const Tensor positions = slice(wpe, {.axis = 0, .size = tokens.dim(1)});
  Tensor x = dropout(embedding(wte, tokens) + positions, s.embd_dropout);
  for (std::int64_t layer = 0; layer < s.layers; ++layer) x = block(scope / "h" / layer, x, s);
  x = layer_norm(scope / "ln_f", x, s.norm_eps);
  if (s.tie_head) return matmul(x, wte, {.transpose_b = true});
  const Init init = s.linear(s.width, false).weight_init;
  const Tensor head = (scope / "lm_head").parameter("weight", {s.vocabulary, s.width}, init);
  return matmul(x, head, {.transpose_b = true});
}

std::vector<Model> gpt2_models() {
  const auto size = [](std::int64_t value) { return Setting(value); };
  return {
      variant("gpt2-nano",
              "the quickstart's: 4 layers, width 256, context 128, the tokenizer's vocabulary",
              {{"vocab_size", size(0)},
               {"context", size(128)},
               {"n_embd", size(256)},
               {"n_layer", size(4)},
               {"n_head", size(4)}}),
      variant("gpt2", "GPT-2 small, 124M: 12 layers, width 768", {}),
      variant("gpt2-medium", "GPT-2 medium, 355M: 24 layers, width 1024",
              {{"n_embd", size(1024)}, {"n_layer", size(24)}, {"n_head", size(16)}}),
      variant("gpt2-large", "GPT-2 large, 774M: 36 layers, width 1280",
              {{"n_embd", size(1280)}, {"n_layer", size(36)}, {"n_head", size(20)}}),
      variant("gpt2-xl", "GPT-2 XL, 1558M: 48 layers, width 1600",
              {{"n_embd", size(1600)}, {"n_layer", size(48)}, {"n_head", size(25)}}),
      variant("gpt-config-124m", "124M as in Raschka's book: context 256, untied head, dropout 0.5",
              {{"context", size(256)},
               {"tie_head", false},
               {"qkv_bias", false},
               {"embd_dropout", 0.5},
               {"attn_dropout", 0.5},
               {"resid_dropout", 0.5},
               {"init", std::string("pytorch")}}),
  };
}

}  // namespace gptc::models
